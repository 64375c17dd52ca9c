"""OpenVINO, on the CPU: it reads the same files as ONNX Runtime, INT8 too.

Compiled models are kept, as compiling takes longer than everything else at a start.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.cache import cache_folder, forget, keep, recall
from edgeseg.engines import check_logits, check_process
from edgeseg.engines._onnx import check_spec, check_tensor
from edgeseg.engines._openvino_head import product_as_convolution
from edgeseg.errors import EngineError
from edgeseg.processor import available_cores, processor
from edgeseg.spec import METADATA_KEY, Spec


def _without_telemetry() -> Any:
    """Imports OpenVINO; merely importing it would report to its maker's web service, if its package for that is there.

    A program that has imported OpenVINO itself has decided for itself.
    """
    reporter = "openvino_telemetry"
    present = reporter in sys.modules
    if not present:
        sys.modules[reporter] = None  # type: ignore[assignment]  # "not installed": OpenVINO then does without
    try:
        return importlib.import_module("openvino")
    finally:
        if not present:
            del sys.modules[reporter]


ov = _without_telemetry()

TARGET = "onnxruntime"

CLOSED = "the engine is closed; load the bundle again"

LAYOUT = 2
"""Of what is compiled and kept; a part of the key, to be raised when this file changes a model otherwise."""


class OpenVINO:
    """An artifact compiled for this processor.

    Several threads may call `infer` at once: there are as many streams as the cores can serve with `threads` each,
    and whoever finds them all taken waits.
    """

    name = "openvino"

    def __init__(self, path: Path, content: bytes, spec: Spec, threads: int) -> None:
        """Loads an ONNX file's content and runs it once, which proves its shapes."""
        self.threads = threads
        self.batch = spec.batch
        self._spec = spec
        streams = max(1, available_cores() // threads)
        self._open = True
        self._process = os.getpid()
        # In a thread that ends: OpenVINO leaves its loader a signal stack, which is gone once another thread frees the
        # model. In the main thread the next Ctrl-C would then be handled on memory that is no more.
        with ThreadPoolExecutor(1, "edgeseg-load") as loader:
            model = loader.submit(_compiled, path, content, spec, settings(threads, streams)).result()
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(streams):
            self._free.put(model.create_infer_request())
        check_logits(path, spec, self.infer(np.zeros((1, spec.height, spec.width, 3), np.uint8)).shape)

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, C, h, w), float32, of a tensor (N, H, W, 3), uint8, BGR; the caller owns the result.

        Raises:
            FrameError: the tensor has another shape or dtype, or more pictures than the spec's batch.
            EngineError: the runtime failed, or is closed.
        """
        if not self._open:
            raise EngineError(CLOSED)
        check_process(self._process)
        check_tensor(tensor, self._spec)
        free = self._free  # `close` takes it away; who has waited here all the same gives it on to the next
        request = free.get()
        try:
            if not self._open:
                raise EngineError(CLOSED)
            logits: NDArray[np.float32] = request.infer([tensor], share_inputs=True)[0]  # a copy
        except EngineError:
            raise
        except Exception as error:  # OpenVINO's exceptions share no base
            raise EngineError(f"OpenVINO failed: {_reason(error)}; is the spec that of this model?") from error
        finally:
            free.put(request)
        return logits

    def close(self) -> None:
        """Frees the compiled model; closing twice is no error, and an `infer` that is running ends as if alone."""
        self._open = False
        if os.getpid() == self._process:  # a forked process leaves it, whose threads are the parent's
            self._free = queue.SimpleQueue()


def open(path: Path, content: bytes, spec: Spec, threads: int) -> OpenVINO:
    """Loads the content of the ONNX file `path`.

    Raises:
        EngineError: it is no readable ONNX model, or breaks the spec.
    """
    return OpenVINO(path, content, spec, threads)


def settings(threads: int, streams: int) -> dict[str, Any]:
    """What models are compiled with: `threads` for each of `streams` inferences at once."""
    return {
        # By itself OpenVINO computes in bfloat16 where the processor can: fp32 is to mean fp32.
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads * streams,
        # Decoding, the kernels and other programs run on the same cores: its threads must be free to move.
        "ENABLE_CPU_PINNING": False,
    }


def _compiled(path: Path, content: bytes, spec: Spec, properties: dict[str, Any]) -> Any:
    """The compiled model, from the cache if it is there and whole."""
    key = [LAYOUT, ov.get_version(), processor(), properties, spec.to_json(), hashlib.sha256(content).hexdigest()]
    file = cache_folder() / f"{path.stem}.{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.openvino"
    core = ov.Core()
    blob = recall(file)
    if blob is not None:
        try:
            return core.import_model(blob, "CPU", properties)
        except Exception:  # OpenVINO's exceptions share no base; one that it wrote itself it may still refuse
            forget(file)
    reader = ov.frontend.FrontEndManager().load_by_framework("onnx")
    try:
        model = reader.convert(reader.load(io.BytesIO(content)))
        _check(path, spec, model)
        product_as_convolution(ov, model)
        compiled = core.compile_model(model, "CPU", properties)
    except EngineError:
        raise
    except Exception as error:  # OpConversionFailure is not even a RuntimeError
        raise EngineError(f"OpenVINO refuses {path}: {_reason(error)}; choose another engine") from error
    keep(file, compiled.export_model().getvalue())
    return compiled


def _check(path: Path, spec: Spec, model: Any) -> None:
    """Refuses a model that is not from one uint8 frame to float logits, or carries another spec than the bundle's."""
    types = [[(each.element_type, len(each.partial_shape)) for each in side] for side in (model.inputs, model.outputs)]
    if types != [[(ov.Type.u8, 4)], [(ov.Type.f32, 4)]]:
        raise EngineError(
            f"{path} takes {_signature(model.inputs)} and gives {_signature(model.outputs)}, "
            "expected one uint8 (1, H, W, 3) and one float (1, C, h, w); export it with `edgeseg export`"
        )
    place = ["framework", METADATA_KEY]
    check_spec(path, spec, model.get_rt_info(place).astype(str) if model.has_rt_info(place) else None)


def _signature(values: list[Any]) -> str:
    return ", ".join(f"{value.element_type.get_type_name()} {value.partial_shape}" for value in values) or "nothing"


def _reason(error: Exception) -> str:
    """The line of OpenVINO's message that says something: operators that it lacks, or the last.

    Those before it name places in its source.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    details = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    return (details or lines or [type(error).__name__])[-1][:300]
