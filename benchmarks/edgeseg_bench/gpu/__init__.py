"""What `python -m edgeseg_bench.gpu_check` checks and times on an NVIDIA card."""
