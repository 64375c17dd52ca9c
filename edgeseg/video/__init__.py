"""Video in, masks out: `open` finds the source, `pipeline` segments it, `outputs` keep the results, `run` does all."""
