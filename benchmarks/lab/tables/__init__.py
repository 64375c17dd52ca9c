"""The tables of README.md and docs/, made from benchmarks/results/*.json."""
