"""What `python -m edgeseg.benchmarks.gpu_check` checks and times on an NVIDIA card."""
