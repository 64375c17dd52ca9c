"""ONNX to an engine of TensorRT (10.3 to 11) or TensorRT-RTX, by the product's own parser and builder.

Networks are strongly typed: precision stands in the ONNX file, and no builder flag changes it. TensorRT-RTX builds on
a machine without a GPU, for Ampere and newer; TensorRT builds for the GPU that it runs on.
"""

from __future__ import annotations

import ctypes
import importlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, ExportError, OutputError, UsageError
from edgeseg.export.precision.float_graph import FRAME
from edgeseg.sidecar import ANY, Key, system, write_engine
from edgeseg.spec import Spec

Target = Literal["tensorrt", "tensorrt-rtx"]
MODULES: dict[str, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
INSTALL = {
    "tensorrt": "it comes with JetPack, or as NVIDIA's package tensorrt",
    "tensorrt-rtx": "pip install 'edgeseg[tensorrt-rtx]'",
}

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
    """Of a build.

    Attributes:
        workspace: MiB that a layer may use while it runs; None is the product's own limit.
        version_compatible: the engine loads in later versions too, for some speed.
        hardware_compatible: the engine runs on Ampere and all newer GPUs, for some speed; RTX does so always.
        smallest: width and height that a dynamic network must take; None is the spec's size.
        largest: the same, at the other end.
    """

    workspace: int | None = None
    version_compatible: bool = False
    hardware_compatible: bool = False
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None


@dataclass(frozen=True)
class Compiled:
    """An engine on disk.

    Attributes:
        engine: the file; its notes lie beside it (`edgeseg.sidecar`).
        bytes: its size.
        seconds: that the build took.
        layers: of the network as parsed.
    """

    engine: Path
    bytes: int
    seconds: float
    layers: int


def compile_engine(
    bundle: Bundle,
    target: Target,
    precision: str,
    out: Path,
    *,
    options: Options = Options(),
    timing_cache: Path | None = None,
) -> Compiled:
    """Builds an engine of a bundle's artifact into the folder `out`, with its notes.

    Args:
        bundle: with an artifact for TensorRT; fp32 is taken from the one for ONNX Runtime.
        target: the product.
        precision: "fp16", "int8" or "fp32".
        out: a folder; made if it is not there.
        options: of the build.
        timing_cache: measurements of earlier builds, read and written; not with TensorRT-RTX, which has none without
            a GPU.

    Raises:
        BundleError: the bundle has no such artifact.
        EngineError: the product is not installed, has no GPU where it needs one, or fails to build.
        ExportError: the parser refuses the graph; the node, its operator and a way out are named.
        UsageError: the options do not go with the network.
    """
    artifact = bundle.artifact(target="onnxruntime" if precision == "fp32" else "tensorrt", precision=precision)
    content = bundle.path(artifact).read_bytes()
    _check_options(bundle.spec, target, options, timing_cache)
    trt = _product(target)
    logger = _logger(trt)
    builder = _builder(trt, target, logger)
    network = _parse(trt, builder, logger, content, artifact.file)
    config = _config(trt, builder, bundle.spec, options)
    if timing_cache is not None:
        cache = config.create_timing_cache(timing_cache.read_bytes() if timing_cache.is_file() else b"")
        config.set_timing_cache(cache, False)
    started = time.perf_counter()
    built = builder.build_serialized_network(network, config)
    seconds = time.perf_counter() - started
    if built is None:
        raise EngineError(
            f"{target} {trt.__version__} cannot build {artifact.file}: {logger.last or 'no reason given'}"
        )
    plan = bytes(built)
    engine = out / f"{bundle.spec.name}.{precision}.{target}.engine"
    key = Key(target, str(trt.__version__), system(), _capability(target), asdict(options), artifact.sha256)
    figures = {"seconds": round(seconds, 3), "layers": int(network.num_layers), "tensors": _tensors(network)}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}; choose another folder") from error
    write_engine(engine, plan, key, figures)
    if timing_cache is not None:
        with atomic_file(timing_cache) as temporary:
            temporary.write_bytes(bytes(config.get_timing_cache().serialize()))
    return Compiled(engine, len(plan), seconds, int(network.num_layers))


def _check_options(spec: Spec, target: Target, options: Options, timing_cache: Path | None) -> None:
    if not spec.dynamic and (options.smallest or options.largest):
        raise UsageError(f"{spec.name} takes {spec.width}x{spec.height} alone; export it with --dynamic for more sizes")
    if target == "tensorrt-rtx" and timing_cache is not None:
        raise UsageError("TensorRT-RTX builds without a GPU and keeps no timing cache; leave it out")
    if options.workspace is not None and options.workspace < 1:
        raise UsageError(f"workspace is {options.workspace} MiB, expected at least 1")


def _product(target: Target) -> Any:
    try:
        return importlib.import_module(MODULES[target])
    except ImportError as error:
        raise EngineError(f"{target} is not installed ({error}); {INSTALL[target]}") from error


def _logger(trt: Any) -> Any:
    """A logger that keeps the last error, for the sentence that a user sees."""

    class Logger(trt.ILogger):  # type: ignore[misc]  # the product is known at run time
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
                self.last = message.strip().splitlines()[0] if message.strip() else ""

    return Logger()


def _builder(trt: Any, target: Target, logger: Any) -> Any:
    try:
        return trt.Builder(logger)
    except Exception as error:  # pybind's own, which say little
        raise EngineError(
            f"{target} {trt.__version__} cannot start here: {logger.last or error}; TensorRT needs its GPU, "
            "TensorRT-RTX builds without one"
        ) from error


def _parse(trt: Any, builder: Any, logger: Any, content: bytes, name: str) -> Any:
    # By name: the bit's number changed in TensorRT 11.
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, logger)
    if parser.parse(content):
        return network
    error = parser.get_error(0)
    operator = error.node_operator()
    advice = REWRITES.get(operator, "replace it in the network by operators that the product has")
    raise ExportError(
        f"{trt.__name__} {trt.__version__} refuses {name} at node {error.node_name()!r}, operator {operator}: "
        f"{error.desc().strip()}; {advice}"
    )


def _config(trt: Any, builder: Any, spec: Spec, options: Options) -> Any:
    config = builder.create_builder_config()
    if options.workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace << 20)
    if options.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if options.hardware_compatible:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    if spec.dynamic:
        usual = spec.width, spec.height
        sizes = [options.smallest or usual, usual, options.largest or usual]
        profile = builder.create_optimization_profile()
        profile.set_shape(FRAME, *((1, height, width, 3) for width, height in sizes))
        config.add_optimization_profile(profile)
    return config


def _capability(target: Target) -> str:
    """Of the GPU that the build measured on; RTX builds for every GPU from Ampere on."""
    if target == "tensorrt-rtx":
        return ANY
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise EngineError(f"TensorRT needs a GPU and its driver ({error}); use --target tensorrt-rtx here") from error
    numbers = []
    for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h
        number = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, 0):
            raise EngineError("the GPU's driver gives no compute capability; does nvidia-smi show the GPU?")
        numbers.append(number.value)
    return f"{numbers[0]}.{numbers[1]}"


def _tensors(network: Any) -> list[dict[str, Any]]:
    inputs = [(network.get_input(place), "input") for place in range(network.num_inputs)]
    outputs = [(network.get_output(place), "output") for place in range(network.num_outputs)]
    return [
        {"name": tensor.name, "role": role, "type": str(tensor.dtype).rpartition(".")[2], "shape": list(tensor.shape)}
        for tensor, role in (*inputs, *outputs)
    ]
