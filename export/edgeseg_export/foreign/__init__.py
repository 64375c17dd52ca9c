"""Networks of other people, PyTorch or ONNX, to bundles like any other."""
