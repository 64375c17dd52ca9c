"""One runtime, one name: `--engine tensorrt` is engine.py, everything beside it is its parts."""
