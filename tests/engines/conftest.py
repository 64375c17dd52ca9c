"""A card that is not there, but computes: TensorRT, pycuda and the driver's graphs as the engine uses them.

A plan holds the ONNX file it was built from, and ONNX Runtime runs it. As in the real ones, calls on a stream only
queue work, which is done at synchronisation: until then the host's buffers hold garbage, and what was queued reads its
sources when it runs. An address that was never allocated, a context that is not current, or a buffer of another size is
an error. tests/engines/test_tensorrt.py compares the names and signatures with the real TensorRT-RTX.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

VERSION = (1, 7, 1, 116)
GARBAGE = 0xA5
Work = Callable[[], None]


class Error(Exception):
    """pycuda.driver.Error."""


class LogicError(Error):
    """The driver was called wrongly."""


class OutOfMemoryError(Error):
    """pycuda.driver.MemoryError."""


class Card:
    """The state of the machine, and what tests count and break."""

    def __init__(self) -> None:
        self.memory: dict[int, NDArray[np.uint8]] = {}
        self.room = 1 << 30
        self.streams: dict[int, Stream] = {}
        self.graphs: dict[int, tuple[Stream, list[Work]]] = {}
        self.current = threading.local()
        self.builds = self.launches = self.enqueued = 0
        self.lost = False
        self.capturable = True
        self.capability = (8, 9)
        self.cards = 1
        self.jit = b"kernels"
        self.jit_read: list[bytes] = []
        self._next = 1 << 20
        self.cuda = pycuda_driver(self)
        self.trt = tensorrt(self)

    def handle(self) -> int:
        self._next += 1 << 16
        return self._next

    def check_current(self) -> None:
        if not getattr(self.current, "depth", 0):
            raise LogicError("invalid device context")
        if self.lost:
            raise LogicError("an illegal memory access was encountered")

    def at(self, address: int, size: int) -> NDArray[np.uint8]:
        if address not in self.memory or len(self.memory[address]) != size:
            raise LogicError(f"invalid argument: {size} bytes at {address:#x}")
        return self.memory[address]


class Stream:
    """pycuda.driver.Stream: a queue."""

    def __init__(self, card: Card) -> None:
        card.check_current()
        self.card = card
        self.handle = card.handle()
        self.pending: list[Work] = []
        self.captured: list[Work] | None = None
        card.streams[self.handle] = self

    def add(self, work: Work) -> None:
        self.card.check_current()
        (self.pending if self.captured is None else self.captured).append(work)

    def synchronize(self) -> None:
        self.card.check_current()
        if self.captured is not None:
            raise LogicError("operation not permitted when stream is capturing")
        pending, self.pending = self.pending, []
        for work in pending:
            work()


class Allocation:
    """pycuda.driver.DeviceAllocation."""

    def __init__(self, card: Card, size: int) -> None:
        card.check_current()
        if size > card.room:
            raise OutOfMemoryError("cuMemAlloc failed: out of memory")
        self.card, self.address = card, card.handle()
        card.memory[self.address] = np.full(size, GARBAGE, np.uint8)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        self.card.check_current()
        del self.card.memory[self.address]


def pycuda_driver(card: Card) -> ModuleType:
    """The module pycuda.driver."""

    class PrimaryContext:
        def push(self) -> None:
            card.current.depth = getattr(card.current, "depth", 0) + 1

        def pop(self) -> None:
            card.current.depth -= 1

        def detach(self) -> None:
            pass

    class Device:
        def __init__(self, index: int) -> None:
            if index >= card.cards:
                raise LogicError("cuDeviceGet failed: invalid device ordinal")

        def retain_primary_context(self) -> PrimaryContext:
            return PrimaryContext()

        def compute_capability(self) -> tuple[int, int]:
            return card.capability

    def pagelocked_empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        memory = np.empty(shape, dtype)
        memory.view(np.uint8)[...] = GARBAGE
        return memory

    def memcpy_htod_async(dest: Allocation, src: NDArray[Any], stream: Stream) -> None:
        stream.add(lambda: np.copyto(card.at(int(dest), src.nbytes), src.reshape(-1).view(np.uint8)))

    def memcpy_dtoh_async(dest: NDArray[Any], src: Allocation, stream: Stream) -> None:
        dest.reshape(-1).view(np.uint8)[...] = GARBAGE  # whatever it held cannot be relied upon from here
        stream.add(lambda: np.copyto(dest.reshape(-1).view(np.uint8), card.at(int(src), dest.nbytes)))

    def init() -> None:
        if not card.cards:
            raise LogicError("cuInit failed: no CUDA-capable device is detected")

    module = ModuleType("pycuda.driver")
    vars(module).update(
        init=init,
        Device=Device,
        Stream=lambda: Stream(card),
        mem_alloc=lambda size: Allocation(card, size),
        pagelocked_empty=pagelocked_empty,
        memcpy_htod_async=memcpy_htod_async,
        memcpy_dtoh_async=memcpy_dtoh_async,
        Error=Error,
        MemoryError=OutOfMemoryError,
    )
    return module


class Logger:
    """trt.Logger."""

    ERROR = 1

    def __init__(self, min_severity: Any) -> None:
        self.min_severity = min_severity


class RuntimeCache:
    """trt.IRuntimeCache."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def deserialize(self, blob: Any) -> bool:
        self._card.jit_read.append(bytes(blob))
        return True

    def serialize(self) -> bytes:
        return self._card.jit


class RuntimeConfig:
    """trt.IRuntimeConfig."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def create_runtime_cache(self) -> RuntimeCache:
        return RuntimeCache(self._card)

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        return isinstance(cache, RuntimeCache)


class ExecutionContext:
    """trt.IExecutionContext."""

    def __init__(self, card: Card, session: ort.InferenceSession) -> None:
        self._card, self._session = card, session
        self._addresses: dict[str, int] = {}
        self._frame: tuple[int, ...] | None = None
        self._logits: tuple[int, ...] = ()

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        declared = self._session.get_inputs()[0]
        pairs = zip(declared.shape, shape, strict=True)
        fits = all(want in (got, None) or isinstance(want, str) for want, got in pairs)
        if name != declared.name or not fits:
            return False
        self._frame = tuple(shape)
        self._logits = self._session.run(None, {name: np.zeros(shape, np.uint8)})[0].shape
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert name == self._session.get_outputs()[0].name
        return self._logits

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return memory in self._card.memory

    def execute_async_v3(self, stream_handle: int) -> bool:
        taken, given = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        if self._frame is None or {taken, given} - self._addresses.keys():
            return False

        def work() -> None:
            assert self._frame is not None
            size = int(np.prod(self._frame))
            frame = self._card.at(self._addresses[taken], size).reshape(self._frame)
            logits = self._session.run([given], {taken: frame})[0]
            np.copyto(self._card.at(self._addresses[given], logits.nbytes), logits.reshape(-1).view(np.uint8))

        self._card.enqueued += 1
        self._card.streams[stream_handle].add(work)
        return True


class CudaEngine:
    """trt.ICudaEngine."""

    def __init__(self, card: Card, model: bytes) -> None:
        self._card = card
        self._session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.num_io_tensors = 2
        self._names = [self._session.get_inputs()[0].name, self._session.get_outputs()[0].name]

    def get_tensor_name(self, index: int) -> str:
        return str(self._names[index])

    def get_tensor_mode(self, name: str) -> Any:
        modes = self._card.trt.TensorIOMode
        return modes.INPUT if name == self._names[0] else modes.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        described = [*self._session.get_inputs(), *self._session.get_outputs()][self._names.index(name)]
        kinds = self._card.trt.DataType
        return {"tensor(uint8)": kinds.UINT8, "tensor(float)": kinds.FLOAT}.get(described.type, kinds.HALF)

    def create_runtime_config(self) -> RuntimeConfig:
        return RuntimeConfig(self._card)

    def create_execution_context(self, runtime_config: RuntimeConfig) -> ExecutionContext:
        assert isinstance(runtime_config, RuntimeConfig)
        return ExecutionContext(self._card, self._session)


class OptimizationProfile:
    """trt.IOptimizationProfile."""

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:
        assert min == opt == max
        self.shapes[input] = opt


class BuilderConfig:
    """trt.IBuilderConfig."""

    def __init__(self) -> None:
        self.profiles: list[OptimizationProfile] = []

    def add_optimization_profile(self, profile: OptimizationProfile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Builder:
    """trt.Builder, with its network."""

    def __init__(self, logger: Logger) -> None:
        assert isinstance(logger, Logger)

    def create_network(self, flags: int) -> Any:
        return SimpleNamespace(model=None, flags=flags)

    def create_builder_config(self) -> Any:
        return BuilderConfig()

    def create_optimization_profile(self) -> Any:
        return OptimizationProfile()


class OnnxParser:
    """trt.OnnxParser."""

    def __init__(self, network: Any, logger: Logger) -> None:
        assert isinstance(logger, Logger)
        self._network = network
        self.num_errors = 0

    def parse(self, model: bytes) -> bool:
        try:
            onnx.checker.check_model(onnx.load_model_from_string(model))
        except Exception:
            self.num_errors = 1
            return False
        self._network.model = model
        return True

    def get_error(self, index: int) -> Any:
        return SimpleNamespace(desc=lambda: f"error {index}: no model\nand more")


def tensorrt(card: Card) -> ModuleType:
    """The module tensorrt_rtx, as far as the engine uses it."""

    class Runtime:
        def __init__(self, logger: Logger) -> None:
            assert isinstance(logger, Logger)

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None:
            card.check_current()
            header, made_for = serialized_engine[:28], serialized_engine[28:30]
            if header[:4] != b"vtrt" or tuple(header[24:]) != VERSION or tuple(made_for) != card.capability:
                return None
            return CudaEngine(card, serialized_engine[30:])

    class BuilderOfPlans(Builder):
        def build_serialized_network(self, network: Any, config: BuilderConfig) -> bytes | None:
            model: bytes = network.model
            dims = onnx.load_model_from_string(model).graph.input[0].type.tensor_type.shape.dim
            if any(dim.dim_param for dim in dims) and not config.profiles:
                return None
            card.builds += 1
            return b"vtrt" + bytes(20) + bytes(VERSION) + bytes(card.capability) + model

    module = ModuleType("tensorrt_rtx")
    vars(module).update(
        __version__=".".join(map(str, VERSION)),
        Logger=Logger,
        Runtime=Runtime,
        Builder=BuilderOfPlans,
        OnnxParser=OnnxParser,
        ICudaEngine=CudaEngine,
        IExecutionContext=ExecutionContext,
        IRuntimeConfig=RuntimeConfig,
        IRuntimeCache=RuntimeCache,
        IBuilderConfig=BuilderConfig,
        IOptimizationProfile=OptimizationProfile,
        NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=0),
        TensorIOMode=SimpleNamespace(INPUT="input", OUTPUT="output"),
        DataType=SimpleNamespace(UINT8="uint8", FLOAT="float", HALF="half"),
    )
    return module


class Driver:
    """libcuda's graph functions, called as ctypes calls them; they return the driver's error codes."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> int:  # noqa: N802
        assert mode == 1
        if not self._card.capturable:
            return 900
        self._card.streams[stream.value].captured = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:  # noqa: N802
        found = self._card.streams[stream.value]
        assert found.captured is not None
        graph._obj.value = self._card.handle()
        self._card.graphs[graph._obj.value] = found, found.captured
        found.captured = None
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, flags: Any) -> int:  # noqa: N802
        assert flags.value == 0
        executable._obj.value = self._card.handle()
        self._card.graphs[executable._obj.value] = self._card.graphs[graph.value]
        return 0

    def cuGraphLaunch(self, executable: Any, stream: Any) -> int:  # noqa: N802
        recorded, work = self._card.graphs[executable.value]
        assert recorded.handle == stream.value
        self._card.launches += 1
        for each in work:
            recorded.add(each)
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:  # noqa: N802
        del self._card.graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy  # noqa: N815


@pytest.fixture
def card(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The stand-in, in place of TensorRT, pycuda and the driver; plans are kept in `tmp_path`/cache."""
    made = Card()
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # not installed
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", made.trt)
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", made.cuda)
    monkeypatch.setattr("edgeseg.engines._cuda_graph._load", lambda: Driver(made))
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return made
