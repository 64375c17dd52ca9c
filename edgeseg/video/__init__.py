"""Video in, masks out: `source` reads frames, `pipeline` segments them, `writer` records, `run` does all three."""
