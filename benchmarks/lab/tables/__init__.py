"""The README's tables, made from benchmarks/results/*.json."""
