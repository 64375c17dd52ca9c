"""The commands: `edgeseg X` is X.py here, a function whose docstring is its help."""
