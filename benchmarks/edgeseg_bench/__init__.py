"""What edgeseg costs, measured: each module is a command, `python -m lab.kernels`."""
