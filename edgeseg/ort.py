"""ONNX Runtime, imported so that it reports to nobody: everything here imports it as `from edgeseg.ort import ort`.

Newer versions (1.32 is one) write a device id into the user's cache, and look for their maker's host after nine
seconds. They ask the environment whether they may when they are loaded, so that it must say no before. Who has set
ORT_DISABLE_TELEMETRY, or has imported ONNX Runtime already, has decided for himself.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]
