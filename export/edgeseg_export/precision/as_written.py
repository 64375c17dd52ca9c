"""An engine for measuring: a graph computed as it is written, for artifacts that only another machine computes so.

ONNX Runtime's optimiser is left out. It is made for INT8 in ONNX Runtime's own form: fused, TensorRT's form in
float16 gives another answer than its nodes do one by one (seen with 1.32). Float16 is computed in float32, which
a CPU would do anyway, node by node and slowly; float16's own rounding is measured apart (`to_half.rounded_to_half`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.artifact import read_model
from edgeseg.engines import Engine, first_line, open_engine
from edgeseg.engines._trial import try_model
from edgeseg.errors import EngineError
from edgeseg.ort import ort
from edgeseg.processor import sums_int8_exactly
from edgeseg.spec import Spec
from edgeseg_export.precision.float_graph import FRAME
from edgeseg_export.to_float import to_float


class AsWritten:
    """Runs an ONNX file in ONNX Runtime, on the CPU, node by node. Several threads may call `infer` at once."""

    name = "onnxruntime, as written"
    threads = 1

    def __init__(self, model: Path | onnx.ModelProto, *, keep_half: bool = False) -> None:
        """Loads an ONNX file or a model.

        Args:
            model: either.
            keep_half: what is float16 is rounded to it. Otherwise it is computed in float32 with the same constants,
                as a CPU is slow at float16.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        loaded = onnx.load(model) if isinstance(model, Path) else model
        written = loaded if keep_half else to_float(loaded)
        self._session: ort.InferenceSession | None = ort.InferenceSession(
            written.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR.

        Raises:
            EngineError: the engine is closed.
        """
        if self._session is None:
            raise EngineError("the engine is closed; load the file again")
        logits: NDArray[np.float32] = self._session.run(None, {FRAME: tensor})[0]
        return logits

    def close(self) -> None:
        """Frees the session; closing twice is no error."""
        self._session = None


def open_to_measure(target: str, precision: str, path: Path, spec: Spec, *, own: bool = False) -> Engine:
    """What the facts of an artifact are measured in: its runtime on one thread, or node by node as it is written.

    As it is written: what is for TensorRT, since no GPU need be here; and INT8 where this processor's sums saturate.
    The facts go wherever the bundle goes, to an Arm as well, and each machine asks its own runtimes for golden frames
    before it takes INT8 unasked.

    Args:
        target: the artifact's.
        precision: the artifact's.
        path: of its file.
        spec: that it keeps.
        own: this program has just made the file: it is not tried in a child process first.

    Raises:
        BundleError: the file cannot be read, is no ONNX model, or does not stand for itself.
        EngineError: ONNX Runtime refuses it; or it takes too much memory or time.
    """
    if target == "onnxruntime" and (precision != "int8" or sums_int8_exactly()):
        return open_engine(target, path, spec, threads=1, own=own)
    if not own:
        try_model("onnxruntime", path, read_model(path), spec, threads=1)
    try:
        return AsWritten(path)
    except Exception as error:  # ONNX Runtime's exceptions share no base, and onnx.load raises protobuf's
        raise EngineError(f"ONNX Runtime refuses {path}: {first_line(error)}; make it again") from error
