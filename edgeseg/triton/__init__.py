"""Serving on Triton: a model repository of a bundle, the model that runs in it, and the client that asks it."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # which gRPC reads when it is imported; it prints what errors say too
