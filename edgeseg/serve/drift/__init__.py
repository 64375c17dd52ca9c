"""Whether what a camera shows, and what the network makes of it, are still what they were."""
