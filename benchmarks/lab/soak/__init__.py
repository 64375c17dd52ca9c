"""Cameras that fail at random, under `edgeseg serve`, for an hour: make soak [MINUTES=60] [SEED=0].

`faults` breaks cameras and mends them, `watch` looks at the service from outside, `report` says what came of it.
"""
