"""TensorRT, full or for RTX, through pycuda.

Frames that are in flight have a slot each: an execution context, a stream, pinned memory for the frame and the logits.
With two, one frame is copied and enqueued while the card computes the other; several threads, or cameras, share them.
A slot's work is captured as a CUDA graph where the driver can, and enqueued call by call where it cannot.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.atomic import atomic_file
from edgeseg.engines import check_logits
from edgeseg.engines._cuda_graph import CudaGraph
from edgeseg.engines._plan import plan_for
from edgeseg.errors import EngineError, FrameError, OutputError
from edgeseg.spec import Spec

TARGET = "tensorrt"

DEPTH = 2
"""Frames in flight."""


class Slot:
    """What one frame in flight needs on the host and on the card."""

    def __init__(self, engine: Any, config: Any, names: tuple[str, str], shape: tuple[int, ...], cuda: Any) -> None:
        """Allocates it; the card's context must be current."""
        self._cuda = cuda
        self._context = engine.create_execution_context() if config is None else engine.create_execution_context(config)
        if self._context is None:
            raise EngineError("TensorRT gives no execution context; has the card enough free memory?")
        taken, given = names
        if not self._context.set_input_shape(taken, shape):
            raise EngineError(f"the plan does not take frames {shape}; compile the bundle again")
        self.shape = tuple(self._context.get_tensor_shape(given))
        self._stream = cuda.Stream()
        self._frame = cuda.pagelocked_empty(shape, np.uint8)
        self._logits = cuda.pagelocked_empty(self.shape, np.float32)
        self._on_card = [cuda.mem_alloc(memory.nbytes) for memory in (self._frame, self._logits)]
        for name, memory in zip(names, self._on_card, strict=True):
            if not self._context.set_tensor_address(name, int(memory)):
                raise EngineError(f"TensorRT refuses the memory for {name}; compile the bundle again")
        self._graph: CudaGraph | None = None

    def run(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32, of a frame; returns when they are there."""
        self._frame[...] = tensor
        if self._graph is None:
            self._enqueue()
        else:
            self._graph.launch()
        self._stream.synchronize()
        logits: NDArray[np.float32] = self._logits.copy()
        return logits

    def capture(self) -> None:
        """From now on the work is launched as one graph. It must have run before: TensorRT allocates at first.

        Raises:
            EngineError: it cannot be captured; the slot works as before.
        """
        self._graph = CudaGraph(self._stream.handle, self._enqueue)

    def close(self) -> None:
        """Frees the memory on the card."""
        if self._graph is not None:
            self._graph.close()
        self._context = None
        for memory in self._on_card:
            memory.free()

    def _enqueue(self) -> None:
        self._cuda.memcpy_htod_async(self._on_card[0], self._frame, self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise EngineError("TensorRT refuses to run the plan; its log above says why")
        self._cuda.memcpy_dtoh_async(self._logits, self._on_card[1], self._stream)


class TensorRT:
    """A plan on a card.

    Attributes:
        name: "tensorrt", or "tensorrt-rtx".
        threads: 1: the card does the work.
        without_graph: why frames are not launched as CUDA graphs; None if they are.
    """

    threads = 1

    def __init__(self, path: Path, spec: Spec, trt: ModuleType, cuda: Any) -> None:
        """Loads the plan of the artifact at `path`, built if need be, and runs it once in every slot."""
        self.name = trt.__name__.replace("_", "-")
        self.without_graph: str | None = None
        self._cuda = cuda
        self._shape = (1, spec.height, spec.width, 3)
        self._broken: str | None = None
        self._slots: list[Slot] = []
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        device = _device(cuda)
        self._context = device.retain_primary_context()
        try:
            with self._current():
                self._load(path, spec, trt, ".".join(map(str, device.compute_capability())))
        except BaseException:
            self.close()
            raise

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR; the caller owns the result.

        Raises:
            FrameError: the tensor has another shape or dtype.
            EngineError: the card failed, or the engine is closed.
        """
        if self._broken is not None:
            raise EngineError(self._broken)
        if tensor.dtype != np.uint8 or tensor.shape != self._shape:
            raise FrameError(f"got a tensor {tensor.shape} of {tensor.dtype}, expected {self._shape} of uint8")
        slot = self._free.get()
        try:
            with self._current():
                return slot.run(tensor)
        finally:
            self._free.put(slot)

    def close(self) -> None:
        """Frees the card's memory; closing twice is no error. No `infer` may be running."""
        if self._context is None:
            return
        with contextlib.suppress(Exception), self._current():  # a lost context frees nothing, and all is lost anyway
            for slot in self._slots:
                slot.close()
            self._engine = self._config = None
        self._slots = []
        self._context.detach()
        self._context = None
        self._broken = "the engine is closed; load the bundle again"

    def _load(self, path: Path, spec: Spec, trt: ModuleType, capability: str) -> None:
        plan, kept = plan_for(path, spec, trt, capability)
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        engine = self._engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise EngineError(f"{self.name} refuses the plan of {path} on this card (compute capability {capability})")
        names = _tensors(engine, trt, path)
        self._config, cache = _runtime_config(engine, kept.with_suffix(".jit"))
        for _ in range(DEPTH):
            slot = Slot(engine, self._config, names, self._shape, self._cuda)
            self._slots.append(slot)
            check_logits(path, spec, slot.shape)
            slot.run(np.zeros(self._shape, np.uint8))
            try:
                slot.capture()
            except EngineError as error:
                self.without_graph = str(error)
                slot.run(np.zeros(self._shape, np.uint8))  # whether the stream survived that
            self._free.put(slot)
        if cache is not None:
            _keep(cache, kept.with_suffix(".jit"))

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


def open(path: Path, spec: Spec, threads: int) -> TensorRT:
    """Loads the plan of the artifact at `path`; it is built first where there is none for this machine.

    Raises:
        EngineError: there is no TensorRT, driver or card, or TensorRT refuses the artifact, or that breaks the spec.
    """
    del threads  # the card does the work
    try:
        trt, cuda = _module(), importlib.import_module("pycuda.driver")
    except ImportError as error:
        raise EngineError(
            f"engine tensorrt cannot start ({error}); install NVIDIA's driver and pip install 'edgeseg[tensorrt]'"
        ) from error
    return TensorRT(path, spec, trt, cuda)


def _module() -> ModuleType:
    """Full TensorRT where it is installed, else the one for RTX cards."""
    try:
        return importlib.import_module("tensorrt")
    except ImportError:
        return importlib.import_module("tensorrt_rtx")


def _device(cuda: Any) -> Any:
    try:
        cuda.init()
        return cuda.Device(0)
    except cuda.Error as error:
        raise EngineError(f"there is no NVIDIA card that can be used ({error}); is its driver installed?") from error


def _tensors(engine: Any, trt: ModuleType, path: Path) -> tuple[str, str]:
    """Names of the frame and the logits."""
    found: dict[Any, list[str]] = {trt.TensorIOMode.INPUT: [], trt.TensorIOMode.OUTPUT: []}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        found[engine.get_tensor_mode(name)].append(name)
    taken, given = found[trt.TensorIOMode.INPUT], found[trt.TensorIOMode.OUTPUT]
    kinds = [engine.get_tensor_dtype(name) for name in (*taken, *given)]
    if kinds != [trt.DataType.UINT8, trt.DataType.FLOAT]:
        raise EngineError(
            f"the plan of {path} takes {', '.join(taken)} and gives {', '.join(given)} ({', '.join(map(str, kinds))}), "
            "expected one uint8 frame and float logits; export and compile the bundle again"
        )
    return taken[0], given[0]


def _runtime_config(engine: Any, kept: Path) -> tuple[Any, Any]:
    """RTX compiles kernels when a context is made; its cache of them is read back. Full TensorRT has none."""
    if not hasattr(engine, "create_runtime_config"):
        return None, None
    config = engine.create_runtime_config()
    if not hasattr(config, "create_runtime_cache"):
        return config, None
    cache = config.create_runtime_cache()
    with contextlib.suppress(OSError):  # there is none yet
        cache.deserialize(kept.read_bytes())  # one of another driver is left out by itself
    config.set_runtime_cache(cache)
    return config, cache


def _keep(cache: Any, path: Path) -> None:
    with contextlib.suppress(OutputError), atomic_file(path) as temporary:  # without it the next start is slower
        temporary.write_bytes(bytes(cache.serialize()))
