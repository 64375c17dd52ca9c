"""`edgeseg batch`, measured: python -m lab.archive, its throughput; python -m lab.archive.costs, what lab.scale takes.

`turn` is one run on so many cores, `work` the seconds and bytes of a worker's tasks, `driver` those of a Ray driver.
"""
