"""What masks mean: events by rules, and frames that are worth a label."""
