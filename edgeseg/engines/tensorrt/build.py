"""ONNX to a plan (engine file) of TensorRT (10.3 to 11) or TensorRT-RTX, by the product's own parser and builder.

The engine and `edgeseg compile` both build here, so that the one takes what the other made. Networks are strongly
typed: precision stands in the ONNX file, and no option changes it. TensorRT builds for the card of the machine;
TensorRT-RTX needs none, and builds for Ampere and newer.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeseg.artifact import sha256_of
from edgeseg.atomic import atomic_file
from edgeseg.engines.tensorrt.sidecar import ANY, Key, system
from edgeseg.errors import EngineError, UsageError
from edgeseg.spec import Spec

RTX = "tensorrt-rtx"

AMPERE = 8
"""Its compute capability; `edgeseg.engines.tensorrt.sidecar.ANY` stands for every card from there on."""

LARGEST_WORKSPACE = 2**20
"""MiB; more than any card has, and few enough for TensorRT's count of bytes."""

REWRITES = {
    "MaxUnpool": "write unpooling as comparisons and where, as edgeseg.models.unpool does",
    "MaxPool": "it has no indices as output; write unpooling as edgeseg.models.unpool does",
    "Transpose": "cast to float before transposing",
    "Resize": "resize floats, without antialias",
    "NonZero": "compute a mask rather than a list of places",
    "QuantizeLinear": "use zero-points of 0, as `edgeseg quantize` writes for TensorRT",
    "DequantizeLinear": "use zero-points of 0 and float biases, as `edgeseg quantize` writes for TensorRT",
}
"""What to do about an operator that the parser is known to refuse."""


@dataclass(frozen=True)
class Options:
    """Of a build; an engine serves whatever they were.

    Attributes:
        workspace: MiB that a layer may use while it runs; None is the product's own limit.
        hardware_compatible: the engine runs on Ampere and all newer cards, for some speed; RTX does so always.
        smallest: width and height that a dynamic network must take; None is the spec's size.
        largest: the same, at the other end.
        batch: pictures at once that the engine is tuned for, where the network takes several; it takes up to as many as
            that. `edgeseg run` gives it one at a time.
    """

    workspace: int | None = None
    hardware_compatible: bool = False
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    batch: int = 1


DEFAULTS = Options()


@dataclass(frozen=True)
class Built:
    """A plan and what its build was like.

    Attributes:
        plan: what TensorRT can deserialise.
        key: what it was built from and for.
        seconds: that the build took.
        layers: of the network as parsed.
        tensors: name, role, type and shape of its inputs and outputs.
    """

    plan: bytes
    key: Key
    seconds: float
    layers: int
    tensors: list[dict[str, Any]]

    def figures(self) -> dict[str, Any]:
        """What goes into the notes beside the key."""
        return {"seconds": round(self.seconds, 3), "layers": self.layers, "tensors": self.tensors}


def key_of(trt: ModuleType, capability: str, onnx: bytes, options: Options = DEFAULTS) -> Key:
    """What a plan of an ONNX file is built from and for.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        capability: compute capability of the card, "8.9"; `ANY` for a build that no card is there for.
        onnx: the file's content.
        options: of the build.
    """
    product = trt.__name__.replace("_", "-")
    everywhere = from_ampere(capability) and (product == RTX or options.hardware_compatible)
    built_for = ANY if everywhere else capability
    return Key(product, str(trt.__version__), system(), built_for, asdict(options), sha256_of(onnx))


def from_ampere(capability: str) -> bool:
    """Whether a card, or every card that is meant, has Ampere's abilities."""
    return capability == ANY or int(capability.partition(".")[0]) >= AMPERE


def build(
    onnx: bytes,
    spec: Spec,
    trt: ModuleType,
    capability: str,
    where: str,
    *,
    options: Options = DEFAULTS,
    timing_cache: Path | None = None,
) -> Built:
    """Builds a plan.

    Args:
        onnx: content of the artifact.
        spec: of its bundle.
        trt: the module `tensorrt` or `tensorrt_rtx`.
        capability: compute capability of the card, "8.9"; `ANY` for a build that no card is there for.
        where: the artifact's name, for messages.
        options: of the build.
        timing_cache: measurements of earlier builds, read and written; TensorRT only.

    Raises:
        EngineError: the product cannot start or refuses the graph: the node, its operator and a way out are named.
        OutputError: the timing cache cannot be written.
        UsageError: the options do not go with the network or the product.
    """
    key = key_of(trt, capability, onnx, options)
    _check_options(spec, key.product, options, timing_cache)
    logger = keeping_logger(trt)
    builder = _builder(trt, key, logger)
    network = _parse(trt, builder, logger, onnx, f"{key.product} {key.version}", where)
    config = _config(trt, builder, network, spec, key, options)
    if timing_cache is not None:
        cache = config.create_timing_cache(timing_cache.read_bytes() if timing_cache.is_file() else b"")
        config.set_timing_cache(cache, False)
    start = time.perf_counter()
    plan = builder.build_serialized_network(network, config)
    seconds = time.perf_counter() - start
    if plan is None:
        raise EngineError(f"{key.product} {key.version} cannot build {where}: {logger.last or 'no reason given'}")
    if timing_cache is not None:
        with atomic_file(timing_cache) as temporary:
            temporary.write_bytes(bytes(config.get_timing_cache().serialize()))
    return Built(bytes(plan), key, seconds, int(network.num_layers), _tensors(network))


def keeping_logger(trt: ModuleType) -> Any:
    """A logger that is silent and keeps the first line of the last error in `last`, for the sentence a user sees."""

    class Logger(trt.ILogger):  # type: ignore[misc, name-defined]  # the product is known at run time
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
                self.last = (message.strip().splitlines() or [""])[0]

    return Logger()


def _check_options(spec: Spec, product: str, options: Options, timing_cache: Path | None) -> None:
    if not spec.dynamic and (options.smallest or options.largest):
        raise UsageError(f"{spec.name} takes {spec.width}x{spec.height} alone; export it with --dynamic for more sizes")
    if not 1 <= options.batch <= spec.batch:
        raise UsageError(
            f"batch is {options.batch}, and {spec.name} takes 1 to {spec.batch} pictures at once; export it with "
            "--batch for more"
        )
    smallest, usual, largest = _sizes(spec, options)
    if any(not low <= own <= high for low, own, high in zip(smallest, usual, largest, strict=True)):
        raise UsageError(
            f"the sizes {smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]} leave out {spec.name}'s own, "
            f"{usual[0]}x{usual[1]}, which it is tuned for; widen them"
        )
    if product == RTX and timing_cache is not None:
        raise UsageError("TensorRT-RTX builds without a GPU and keeps no timing cache; leave it out")
    if options.workspace is not None and not 1 <= options.workspace <= LARGEST_WORKSPACE:
        raise UsageError(f"workspace is {options.workspace} MiB, expected 1 to {LARGEST_WORKSPACE}")


def _sizes(spec: Spec, options: Options) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Width and height: the smallest, the usual, the largest."""
    usual = spec.width, spec.height
    return options.smallest or usual, usual, options.largest or usual


def _builder(trt: ModuleType, key: Key, logger: Any) -> Any:
    if not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        raise EngineError(f"{key.product} {key.version} has no strongly typed networks; use TensorRT 10.3 or later")
    try:
        return trt.Builder(logger)
    except Exception as error:  # pybind's own, which say little
        raise EngineError(
            f"{key.product} {key.version} cannot start here: {logger.last or error}; TensorRT needs its GPU, "
            "TensorRT-RTX builds without one"
        ) from error


def _parse(trt: ModuleType, builder: Any, logger: Any, onnx: bytes, product: str, where: str) -> Any:
    # By name: the bit's number changed in TensorRT 11.
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if parser.parse(onnx):
        return network
    if not parser.num_errors:
        raise EngineError(f"{product} cannot read {where}: {logger.last or 'no reason given'}; export it again")
    error = parser.get_error(0)
    reason = (error.desc().strip().splitlines() or ["no reason given"])[0][:200]
    operator = error.node_operator()
    if not operator:
        raise EngineError(f"{product} cannot read {where}: {reason}; export it again")
    advice = REWRITES.get(operator, "replace it in the network by operators that the product has")
    node = f"node {error.node_name()!r}, operator {operator}"
    raise EngineError(f"{product} refuses {where} at {node}: {reason}; {advice}")


def _config(trt: ModuleType, builder: Any, network: Any, spec: Spec, key: Key, options: Options) -> Any:
    config = builder.create_builder_config()
    if options.workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace << 20)
    if key.product == RTX and key.compute_capability != ANY:  # a card older than Ampere must be named
        named = getattr(trt.ComputeCapability, f"SM{key.compute_capability.replace('.', '')}", None)
        if named is None:
            raise EngineError(f"{RTX} does not build for compute capability {key.compute_capability}; use onnxruntime")
        config.num_compute_capabilities = 1
        config.set_compute_capability(named, 0)
    elif key.product != RTX and options.hardware_compatible:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    if spec.dynamic or spec.batch > 1:
        profile = builder.create_optimization_profile()
        counts = 1, options.batch, spec.batch
        sizes = zip(counts, _sizes(spec, options), strict=True)
        shapes = [(count, height, width, 3) for count, (width, height) in sizes]
        profile.set_shape(network.get_input(0).name, *shapes)
        config.add_optimization_profile(profile)
    return config


def _tensors(network: Any) -> list[dict[str, Any]]:
    inputs = [(network.get_input(place), "input") for place in range(network.num_inputs)]
    outputs = [(network.get_output(place), "output") for place in range(network.num_outputs)]
    return [
        {"name": tensor.name, "role": role, "type": str(tensor.dtype).rpartition(".")[2], "shape": list(tensor.shape)}
        for tensor, role in (*inputs, *outputs)
    ]
