"""Serving on Triton: a model repository of a bundle, the model that runs in it, and the client that asks it."""
