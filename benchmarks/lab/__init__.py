"""The laboratory: what backs the figures that edgeseg publishes. It runs from the repository and is in no wheel."""
