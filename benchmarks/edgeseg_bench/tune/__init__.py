"""`edgeseg tune`: which network, resolution, precision, engine and number of threads, on this device."""
