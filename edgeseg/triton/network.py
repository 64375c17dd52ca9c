"""What a bundle's network takes and gives, as the file says and a run shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.ort import ort
from edgeseg.segmenter import load


class Tensor(NamedTuple):
    """A tensor of the network.

    Attributes:
        name: in the ONNX file, and in every plan that is built from it.
        shape: -1 where any length will do.
    """

    name: str
    shape: tuple[int, ...]


class Network(NamedTuple):
    """Frames in, uint8 (1, H, W, 3) in BGR; logits out, float32 (1, C, h, w)."""

    frame: Tensor
    logits: Tensor


def inspect_network(bundle: Bundle, artifact: Artifact) -> Network:
    """The names and shapes of an artifact; it is run once in ONNX Runtime, which proves that it keeps its spec.

    Raises:
        BundleError: the file is missing or was altered.
        EngineError: ONNX Runtime refuses it, or it breaks the spec.
    """
    spec = bundle.spec
    model = load(bundle, artifact=artifact, threads=1)
    shape = model.logits(np.zeros((spec.height, spec.width, 3), np.uint8)).shape
    model.close()
    session = ort.InferenceSession(bundle.read(artifact), providers=["CPUExecutionProvider"])
    (frame,), (logits,) = session.get_inputs(), session.get_outputs()
    sides = (-1, -1) if spec.dynamic else (spec.height, spec.width)
    grid = (-1, -1) if spec.dynamic else shape[2:]
    return Network(Tensor(frame.name, (1, *sides, 3)), Tensor(logits.name, (1, shape[1], *grid)))
