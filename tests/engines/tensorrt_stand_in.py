"""The module tensorrt_rtx as far as the engine uses it; card.py says how it computes."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort

if TYPE_CHECKING:
    from tests.engines.card import Card

VERSION = (1, 7, 1, 116)


class ILogger:
    """trt.ILogger."""

    INTERNAL_ERROR, ERROR = 0, 1

    def log(self, severity: Any, msg: str) -> None:
        raise NotImplementedError


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
        assert all(low <= usual <= high for low, usual, high in zip(min, opt, max, strict=True))
        self.shapes[input] = opt


class BuilderConfig:
    """trt.IBuilderConfig."""

    def __init__(self) -> None:
        self.profiles: list[OptimizationProfile] = []
        self.num_compute_capabilities = 0
        self.built_for = bytes(2)

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        assert pool == "workspace"
        assert pool_size % (1 << 20) == 0

    def set_compute_capability(self, compute_capability: int, index: int) -> bool:
        assert index < self.num_compute_capabilities == 1
        self.built_for = bytes(divmod(compute_capability, 10))
        return True

    def add_optimization_profile(self, profile: OptimizationProfile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Network:
    """trt.INetworkDefinition."""

    num_layers, num_inputs, num_outputs = 4, 1, 1

    def __init__(self) -> None:
        self.model = b""

    def get_input(self, index: int) -> Any:
        return _tensor(onnx.load_model_from_string(self.model).graph.input[index])

    def get_output(self, index: int) -> Any:
        return _tensor(onnx.load_model_from_string(self.model).graph.output[index])


def _tensor(described: onnx.ValueInfoProto) -> Any:
    return SimpleNamespace(name=described.name, dtype="DataType.UINT8", shape=(1,))


class Builder:
    """trt.Builder."""

    def __init__(self, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)
        self.logger = logger

    def create_network(self, flags: int) -> Any:
        assert flags == 1
        return Network()

    def create_builder_config(self) -> Any:
        return BuilderConfig()

    def create_optimization_profile(self) -> Any:
        return OptimizationProfile()


class OnnxParser:
    """trt.OnnxParser."""

    def __init__(self, network: Network, logger: ILogger) -> None:
        assert isinstance(logger, ILogger)
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
        return SimpleNamespace(desc=lambda: f"error {index}: no model\nand more", node_operator=lambda: "")


def tensorrt(card: Card) -> ModuleType:
    """The module tensorrt_rtx, as far as the engine uses it."""

    class Runtime:
        def __init__(self, logger: ILogger) -> None:
            assert isinstance(logger, ILogger)
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None:
            card.check_current()
            header, made_for = serialized_engine[:28], tuple(serialized_engine[28:30])
            runs_here = made_for == card.capability or (made_for == (0, 0) and card.capability >= (8, 0))
            if header[:4] != b"vtrt" or tuple(header[24:]) != VERSION or not runs_here:
                self._logger.log(ILogger.ERROR, f"The engine cannot run on this GPU: {card.capability}\nand more")
                return None
            return CudaEngine(card, serialized_engine[30:])

        def get_engine_validity(self, buffer: bytes) -> tuple[Any, int]:
            runs_here = self.deserialize_cuda_engine(buffer) is not None
            return SimpleNamespace(name="VALID" if runs_here else "INVALID"), 0 if runs_here else 2

    class BuilderOfPlans(Builder):
        def build_serialized_network(self, network: Any, config: BuilderConfig) -> bytes | None:
            model: bytes = network.model
            dims = onnx.load_model_from_string(model).graph.input[0].type.tensor_type.shape.dim
            if any(dim.dim_param for dim in dims) and not config.profiles:
                self.logger.log(ILogger.ERROR, "Network has dynamic or shape inputs, but no optimization profile")
                return None
            card.builds += 1
            return b"vtrt" + bytes(20) + bytes(VERSION) + config.built_for + model

    module = ModuleType("tensorrt_rtx")
    vars(module).update(
        __version__=".".join(map(str, VERSION)),
        ILogger=ILogger,
        Runtime=Runtime,
        Builder=BuilderOfPlans,
        OnnxParser=OnnxParser,
        ICudaEngine=CudaEngine,
        IExecutionContext=ExecutionContext,
        IRuntimeConfig=RuntimeConfig,
        IRuntimeCache=RuntimeCache,
        IBuilderConfig=BuilderConfig,
        IOptimizationProfile=OptimizationProfile,
        INetworkDefinition=Network,
        EngineInvalidityDiagnostics=SimpleNamespace(__members__={"VERSION_MISMATCH": 1, "UNSUPPORTED_CC": 2}),
        MemoryPoolType=SimpleNamespace(WORKSPACE="workspace"),
        ComputeCapability=SimpleNamespace(SM75=75, SM80=80),
        NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=0),
        TensorIOMode=SimpleNamespace(INPUT="input", OUTPUT="output"),
        DataType=SimpleNamespace(UINT8="uint8", FLOAT="float", HALF="half"),
    )
    return module
