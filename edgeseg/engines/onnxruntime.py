"""ONNX Runtime, on the CPU or by its CUDA or TensorRT provider."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.engines import check_logits, check_process, first_line
from edgeseg.engines._onnx import check_spec, check_tensor
from edgeseg.errors import EngineError
from edgeseg.ort import ort
from edgeseg.spec import METADATA_KEY, Spec

TARGET = "onnxruntime"

VARIANTS = ("cuda", "tensorrt")
"""Providers beside the CPU's; a network that they cannot run whole is refused, not run elsewhere."""

_PROVIDERS = {
    "": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider"],
}

_SPIN_LIMIT_SINCE = (1, 26)
"""The ONNX Runtime whose workers can spin for a given time; before, they spin for long or not at all."""

_ERRORS_ONLY = 3
"""ONNX Runtime's logging level; its warnings are about graphs, which a user cannot change."""


class OnnxRuntime:
    """An ONNX artifact in a session of its own.

    Several threads may call `infer` at once: a session keeps no state between runs. They share its worker threads, so
    for throughput open it with one thread and call it from as many as there are cores.
    """

    def __init__(self, path: Path, content: bytes, spec: Spec, threads: int, variant: str = "") -> None:
        """Loads an ONNX file's content and runs it once, which proves its shapes and allocates its memory."""
        self.name = f"onnxruntime:{variant}" if variant else "onnxruntime"
        self.threads = threads
        self.batch = spec.batch
        self._spec = spec
        self._process = os.getpid()
        self._session: ort.InferenceSession | None = _session(path, content, threads, variant)
        self._input = _check_types(path, self._session)
        check_spec(path, spec, self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY))
        logits = self.infer(np.zeros((1, spec.height, spec.width, 3), np.uint8))
        check_logits(path, spec, logits.shape)

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, C, h, w), float32, of a tensor (N, H, W, 3), uint8, BGR; the caller owns the result.

        Raises:
            FrameError: the tensor has another shape or dtype, or more pictures than the spec's batch.
            EngineError: the runtime failed, or is closed.
        """
        session = self._session
        if session is None:
            raise EngineError("the engine is closed; load the bundle again")
        check_process(self._process)
        check_tensor(tensor, self._spec)
        try:
            logits: NDArray[np.float32] = session.run(None, {self._input: tensor})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            raise EngineError(f"ONNX Runtime failed: {first_line(error)}; is the spec that of this model?") from error
        return logits

    def close(self) -> None:
        """Frees the session; closing twice is no error. A forked process leaves it, whose threads are the parent's."""
        if os.getpid() == self._process:
            self._session = None


def open(path: Path, content: bytes, spec: Spec, threads: int, variant: str = "") -> OnnxRuntime:
    """Loads the content of the ONNX file `path`.

    Raises:
        EngineError: it is no readable ONNX model, or breaks the spec; or the variant's provider is absent, or
            cannot run all of the network.
    """
    return OnnxRuntime(path, content, spec, threads, variant)


def _session(path: Path, content: bytes, threads: int, variant: str) -> ort.InferenceSession:
    providers = _PROVIDERS[variant]
    if providers[0] not in ort.get_available_providers():
        names = ", ".join(ort.get_available_providers())
        raise EngineError(
            f"this ONNX Runtime has no {providers[0]}, only {names}; install onnxruntime-gpu in place of onnxruntime"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    # Between frames workers must sleep: decoding, the kernels and encoding run beside the network on the same cores.
    # Between two operators waking them costs more than the wait. "road" in INT8 on two threads, a frame each 17 ms:
    # 7.2 ms and 12.5 ms of processor time without spinning, 6.6 and 13.0 with 50 us of it, 6.5 and 23 without a limit.
    if tuple(int(part) for part in ort.__version__.split(".")[:2]) >= _SPIN_LIMIT_SINCE:
        options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    else:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never its own format
    if variant:  # operators that the provider lacks would run on the CPU, and nobody would know
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = ort.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
        how = f" on {providers[0]} alone" if variant else ""
        advice = "run it without the variant" if variant else "export the bundle again"
        raise EngineError(f"ONNX Runtime refuses {path}{how}: {first_line(error)}; {advice}") from error
    if session.get_providers()[0] != providers[0]:  # it only warns when a provider cannot start
        raise EngineError(
            f"ONNX Runtime could not start {providers[0]} and would have run on {', '.join(session.get_providers())}; "
            "check NVIDIA's driver, CUDA and cuDNN against the version of onnxruntime-gpu"
        )
    return session


def _check_types(path: Path, session: ort.InferenceSession) -> str:
    """Refuses a model that takes or gives something else than one uint8 and one float32 tensor; returns the input."""
    types = [[(each.type, len(each.shape)) for each in side] for side in (session.get_inputs(), session.get_outputs())]
    if types != [[("tensor(uint8)", 4)], [("tensor(float)", 4)]]:
        raise EngineError(
            f"{path} takes {_signature(session.get_inputs())} and gives {_signature(session.get_outputs())}, "
            "expected one uint8 (1, H, W, 3) and one float (1, C, h, w); export it with `edgeseg export`"
        )
    name: str = session.get_inputs()[0].name
    return name


def _signature(values: list[ort.NodeArg]) -> str:
    return ", ".join(f"{value.type} {value.shape}" for value in values) or "nothing"
