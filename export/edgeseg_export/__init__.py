"""Conversion (torch and onnx): each step proves what it changed. `to_onnx` makes a bundle of a weights file."""
