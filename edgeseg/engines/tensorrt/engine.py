"""TensorRT, full or for RTX, through pycuda.

Frames in flight have a slot each (slot.py): an execution context, a stream, pinned memory. With two, one frame is
copied and enqueued while the card computes the other; several threads, or cameras, share them. A slot's work becomes a
CUDA graph where the driver can capture it (cuda_graph.py), and is enqueued call by call where it cannot.

The frame goes up and the mask comes down: the arg-max kernel runs on the card (mask.py). Where nvcc is not there to
compile it, the logits come down and the processor's kernel makes the same mask, which is said when the engine loads.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.cache import forget, keep, recall
from edgeseg.engines import check_logits, check_process
from edgeseg.engines.tensorrt.build import keeping_logger
from edgeseg.engines.tensorrt.installation import driver, first_card, products
from edgeseg.engines.tensorrt.mask import MaskGeometry, MaskKernels
from edgeseg.engines.tensorrt.plan import plan_for
from edgeseg.engines.tensorrt.sidecar import sidecar_of
from edgeseg.engines.tensorrt.slot import Slot
from edgeseg.errors import EdgeSegWarning, EngineError, FrameError
from edgeseg.spec import Rect, Spec

TARGET = "tensorrt"

DEPTH = 2
"""Frames in flight."""


class TensorRT:
    """A plan on a card.

    Attributes:
        name: "tensorrt", or "tensorrt-rtx".
        threads: 1: the card does the work.
        makes_masks: whether the card has the kernels for `mask`.
    """

    threads = 1

    def __init__(
        self, path: Path, content: bytes, spec: Spec, trt: ModuleType, cuda: Any, *, graphs: bool = True
    ) -> None:
        """Loads the plan of an artifact, built if need be, and runs it in every slot.

        Args:
            path: an ONNX file's, for messages and for the plan's name.
            content: of that file.
            spec: that it keeps.
            trt: the module `tensorrt` or `tensorrt_rtx`.
            cuda: the module `pycuda.driver`.
            graphs: launch frames as CUDA graphs, where the driver can.
        """
        self.name = trt.__name__.replace("_", "-")
        self._cuda = cuda
        self._graphs = graphs
        self._shape = (1, spec.height, spec.width, 3)
        self._overlap = not spec.head.exclusive
        self._broken: str | None = None
        self._slots: list[Slot] = []
        self._ready = 0
        self._free: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()  # None: there will be no more
        self._process = os.getpid()
        self._closing = threading.Lock()
        device = first_card(cuda)
        self._context = device.retain_primary_context()
        try:
            with self._current():
                capability = ".".join(map(str, device.compute_capability()))
                self._kernels = _kernels(cuda, capability)
                self._load(path, content, spec, trt, capability)
        except BaseException:
            self.close()
            raise
        self.makes_masks = self._kernels is not None

    @property
    def without_graph(self) -> str | None:
        """Why frames are not launched as CUDA graphs; None if they are."""
        return next((slot.without_graph for slot in self._slots if slot.without_graph is not None), None)

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR; the caller owns the result.

        Raises:
            FrameError: the tensor has another shape or dtype.
            EngineError: the card failed, or the engine is closed.
        """
        with self._slot(tensor) as slot:
            return slot.logits(tensor)

    def mask(self, tensor: NDArray[np.uint8], width: int, height: int, rect: Rect) -> NDArray[np.uint8]:
        """`edgeseg.kernels.argmax`, or `labels`, of what `infer` gives, bit for bit; the logits stay on the card.

        Raises:
            FrameError: the tensor has another shape or dtype, or the logits hold NaN or infinity.
            EngineError: the card failed or lacks the kernels, or the engine is closed.
        """
        if not self.makes_masks:
            raise EngineError("the card lacks the kernels for masks, as was said when it was loaded; take the logits")
        with self._slot(tensor) as slot:
            return slot.mask(tensor, MaskGeometry(width, height, rect, self._overlap))

    def close(self) -> None:
        """Frees the card's memory, once every `infer` that is running has ended; closing twice is no error."""
        if os.getpid() != self._process:
            return  # the card is the parent's
        with self._closing:
            if self._context is not None:
                self._broken = "the engine is closed; load the bundle again"
                for _ in range(self._ready):
                    self._free.get()
                self._ready = 0
                self._release()
                self._free.put(None)

    def _release(self) -> None:
        assert self._context is not None
        # pycuda's streams and pinned memory are freed when they are forgotten, and only in a context that is current.
        with contextlib.suppress(Exception), self._current():  # a lost context frees nothing, and all is lost anyway
            for slot in self._slots:
                slot.close()
            self._engine = self._config = self._kernels = None
        self._slots = []
        self._context.detach()
        self._context = None

    def _load(self, path: Path, content: bytes, spec: Spec, trt: ModuleType, capability: str) -> None:
        plan, file = plan_for(path, content, spec, trt, capability)
        self._logger = keeping_logger(trt)
        self._runtime = trt.Runtime(self._logger)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:  # it verifies, and yet the product refuses it: built again, once
            forget(sidecar_of(file))
            plan, file = plan_for(path, content, spec, trt, capability)
            engine = self._runtime.deserialize_cuda_engine(plan)
        self._engine = engine
        if engine is None:
            raise EngineError(
                f"{self.name} refuses {file} on this card (compute capability {capability}): "
                f"{self._logger.last or 'no reason given'}"
            )
        names = _tensors(engine, trt, path)
        jit = file.with_suffix(".jit")
        self._config, cache = _runtime_config(engine, jit)
        for _ in range(DEPTH):
            slot = Slot(engine, self._config, names, self._shape, self._cuda, self._kernels, self._graphs)
            self._slots.append(slot)
            check_logits(path, spec, slot.shape)
            for _ in range(2):  # call by call, then as a graph
                slot.logits(np.zeros(self._shape, np.uint8))
            self._free.put(slot)
            self._ready += 1
        if cache is not None:
            keep(jit, bytes(cache.serialize()))

    @contextlib.contextmanager
    def _slot(self, tensor: NDArray[np.uint8]) -> Iterator[Slot]:
        """A slot for this thread, which waits for one if need be, with the card's context."""
        if self._broken is not None:
            raise EngineError(self._broken)
        if tensor.dtype != np.uint8 or tensor.shape != self._shape:
            raise FrameError(f"got a tensor {tensor.shape} of {tensor.dtype}, expected {self._shape} of uint8")
        check_process(self._process)
        slot = self._free.get()
        if slot is None:
            self._free.put(None)  # for the next who waits
            raise EngineError(str(self._broken))
        try:
            with self._current():
                yield slot
        finally:
            self._free.put(slot)

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """The card's context is this thread's; what the driver complains of is an EngineError from then on."""
        assert self._context is not None
        try:
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()
        except self._cuda.MemoryError as error:
            raise EngineError(f"the card has not enough free memory: {error}; close other programs on it") from error
        except self._cuda.Error as error:
            self._broken = f"the card failed ({error}); load the bundle again"
            raise EngineError(self._broken) from error


def open(path: Path, content: bytes, spec: Spec, threads: int) -> TensorRT:
    """Loads the plan of the artifact `path`; it is built first where there is none for this machine.

    Raises:
        EngineError: there is no TensorRT, driver or card, or TensorRT refuses the artifact, or that breaks the spec.
    """
    del threads  # the card does the work
    cuda = driver()
    return TensorRT(path, content, spec, products()[0], cuda)


def _kernels(cuda: Any, capability: str) -> MaskKernels | None:
    """The mask's kernels; without them masks take longer, which is said."""
    try:
        return MaskKernels(cuda, capability)
    except EngineError as error:
        warnings.warn(f"the processor makes the masks, not the card: {error}", EdgeSegWarning, stacklevel=4)
        return None


def _tensors(engine: Any, trt: ModuleType, path: Path) -> tuple[str, str]:
    """Names of the frame and the logits."""
    names: dict[Any, list[str]] = {trt.TensorIOMode.INPUT: [], trt.TensorIOMode.OUTPUT: []}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        names[engine.get_tensor_mode(name)].append(name)
    inputs, outputs = names[trt.TensorIOMode.INPUT], names[trt.TensorIOMode.OUTPUT]
    kinds = [engine.get_tensor_dtype(name) for name in (*inputs, *outputs)]
    if kinds != [trt.DataType.UINT8, trt.DataType.FLOAT]:
        raise EngineError(
            f"the plan of {path} takes {', '.join(inputs)} and gives {', '.join(outputs)} "
            f"({', '.join(map(str, kinds))}), expected one uint8 frame and float logits; export and compile the bundle "
            "again"
        )
    return inputs[0], outputs[0]


def _runtime_config(engine: Any, file: Path) -> tuple[Any, Any]:
    """RTX compiles kernels when a context is made; its cache of them is read back. Full TensorRT has none."""
    if not hasattr(engine, "create_runtime_config"):
        return None, None
    config = engine.create_runtime_config()
    if not hasattr(config, "create_runtime_cache"):
        return config, None
    cache = config.create_runtime_cache()
    content = recall(file)
    if content is not None:
        cache.deserialize(content)  # one of another driver is left out by itself
    config.set_runtime_cache(cache)
    return config, cache

