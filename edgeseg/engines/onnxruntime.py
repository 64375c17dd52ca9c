"""ONNX Runtime on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edgeseg.errors import EngineError, FrameError
from edgeseg.spec import METADATA_KEY, Spec

TARGET = "onnxruntime"

_ERRORS_ONLY = 3
"""ONNX Runtime's logging level; its warnings are about graphs, which a user cannot change."""


class OnnxRuntime:
    """An ONNX artifact in a session of its own.

    Several threads may call `infer` at once: a session keeps no state between runs. They share its worker threads, so
    for throughput open it with one thread and call it from as many as there are cores.
    """

    name = "onnxruntime"

    def __init__(self, path: Path, spec: Spec, threads: int) -> None:
        """Loads the ONNX file at `path` and runs it once, which proves its shapes and allocates its memory."""
        self.threads = threads
        self._shape = (1, spec.height, spec.width, 3)
        self._dynamic = spec.dynamic
        self._session: ort.InferenceSession | None = _session(path, threads)
        self._input = _check_types(path, self._session)
        _check_spec(path, spec, self._session)
        logits = self.infer(np.zeros(self._shape, np.uint8))
        _check_logits(path, spec, logits.shape)

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR; the caller owns the result.

        Raises:
            FrameError: the tensor has another shape or dtype.
            EngineError: the runtime failed, or is closed.
        """
        session = self._session
        if session is None:
            raise EngineError("the engine is closed; load the bundle again")
        fits = tensor.ndim == 4 and tensor.shape[3] == 3 if self._dynamic else tensor.shape == self._shape
        if tensor.dtype != np.uint8 or not fits:
            raise FrameError(f"got a tensor {tensor.shape} of {tensor.dtype}, expected {self._shape} of uint8")
        try:
            logits: NDArray[np.float32] = session.run(None, {self._input: tensor})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            raise EngineError(f"ONNX Runtime failed: {_first_line(error)}; is the spec that of this model?") from error
        return logits

    def close(self) -> None:
        """Frees the session; closing twice is no error."""
        self._session = None


def open(path: Path, spec: Spec, threads: int) -> OnnxRuntime:
    """Loads the ONNX file at `path`.

    Raises:
        EngineError: the file is no readable ONNX model, or breaks the spec.
    """
    return OnnxRuntime(path, spec, threads)


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    # Idle workers must sleep, not spin: decoding, the kernels and encoding run beside the network on the same cores.
    # Measured on two shared cores, two threads, "road": 32 ms of processor time a frame asleep, 49 spinning.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
        raise EngineError(f"ONNX Runtime refuses {path}: {_first_line(error)}; export the bundle again") from error


def _check_types(path: Path, session: ort.InferenceSession) -> str:
    """Refuses a model that takes or gives something else than one uint8 and one float32 tensor; returns the input."""
    got = [[(each.type, len(each.shape)) for each in side] for side in (session.get_inputs(), session.get_outputs())]
    if got != [[("tensor(uint8)", 4)], [("tensor(float)", 4)]]:
        raise EngineError(
            f"{path} takes {_signature(session.get_inputs())} and gives {_signature(session.get_outputs())}, "
            "expected one uint8 (1, H, W, 3) and one float (1, C, h, w); export it with `edgeseg export`"
        )
    name: str = session.get_inputs()[0].name
    return name


def _check_spec(path: Path, spec: Spec, session: ort.InferenceSession) -> None:
    """Refuses a spec that is not the one in the file, which the bundle's hash covers."""
    carried = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if carried is None:
        return
    try:
        same = Spec.from_json(json.loads(carried)) == spec
    except ValueError as error:
        raise EngineError(f"{path} carries a spec that cannot be read ({error}); export the bundle again") from error
    if not same:
        raise EngineError(f"{path} carries another spec than its bundle.json; was that edited? Export the bundle again")


def _check_logits(path: Path, spec: Spec, shape: tuple[int, ...]) -> None:
    channels = {len(spec.classes), 1} if len(spec.classes) == 2 else {len(spec.classes)}
    size = -(-spec.height // spec.stride), -(-spec.width // spec.stride)
    if shape[0] != 1 or shape[1] not in channels or shape[2:] != size:
        raise EngineError(
            f"{path} gives logits {shape}, its spec says (1, {len(spec.classes)}, {size[0]}, {size[1]}): "
            f"{len(spec.classes)} classes, stride {spec.stride}; is it another model's? Export the bundle again"
        )


def _signature(values: list[ort.NodeArg]) -> str:
    return ", ".join(f"{value.type} {value.shape}" for value in values) or "nothing"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
