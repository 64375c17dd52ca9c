"""What `edgeseg batch` costs, measured: python -m lab.archive VIDEO --json FILE.

`turn` is one run on so many cores, `work` the seconds and bytes of a worker's tasks, `driver` those of a Ray driver.
"""
