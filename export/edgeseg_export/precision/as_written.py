"""An engine for measuring: a graph computed as it is written, for artifacts that another runtime takes.

ONNX Runtime's optimiser is left out. It is made for INT8 in ONNX Runtime's own form: fused, TensorRT's form in
float16 gives another answer than its nodes do one by one (seen with 1.32). Float16 is computed in float32, which
a CPU would do anyway, node by node and slowly; float16's own rounding is measured apart (`to_half.rounded_to_half`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.errors import EngineError
from edgeseg.ort import ort
from edgeseg_export.precision.float_graph import FRAME
from edgeseg_export.precision.to_half import widened


class AsWritten:
    """Runs an ONNX file in ONNX Runtime, on the CPU, node by node. Several threads may call `infer` at once."""

    name = "onnxruntime, as written"

    def __init__(self, model: Path | onnx.ModelProto, threads: int = 1) -> None:
        """Loads an ONNX file or a model."""
        self.threads = threads
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        wide = widened(onnx.load(model) if isinstance(model, Path) else model)
        self._session: ort.InferenceSession | None = ort.InferenceSession(
            wide.SerializeToString(), options, providers=["CPUExecutionProvider"]
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
