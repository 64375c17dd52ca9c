"""A bundle's artifact to an engine of TensorRT or TensorRT-RTX, kept where `edgeseg run --engine tensorrt` looks.

The build itself is the runtime's own (edgeseg/engines/tensorrt/build.py): whoever runs the bundle without this step
has it done at the first start.
"""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeseg.bundle import Bundle
from edgeseg.cache import cache_folder
from edgeseg.engines.tensorrt.build import DEFAULTS, RTX, Options, build
from edgeseg.engines.tensorrt.plan import engine_name
from edgeseg.engines.tensorrt.sidecar import ANY, write_engine
from edgeseg.errors import EngineError
from edgeseg.extras import TENSORRT

Product = Literal["tensorrt", "tensorrt-rtx"]
"""What builds an engine."""

INSTALL: dict[str, str] = {
    "tensorrt": TENSORRT,
    "tensorrt-rtx": "pip install 'edgeseg[tensorrt-rtx]'",
}


@dataclass(frozen=True)
class Compiled:
    """An engine on disk.

    Attributes:
        engine: the file; its notes lie beside it (`edgeseg.engines.tensorrt.sidecar`).
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
    target: Product,
    precision: str,
    out: Path | None = None,
    *,
    options: Options = DEFAULTS,
    timing_cache: Path | None = None,
) -> Compiled:
    """Builds an engine of a bundle's artifact, with its notes.

    Args:
        bundle: with an artifact for TensorRT, or in fp32.
        target: the product.
        precision: "fp16", "int8" or "fp32".
        out: a folder, made if it is not there; where engines are kept by default. Another one serves as
            $EDGESEG_CACHE, here or on a machine with the same key.
        options: of the build.
        timing_cache: measurements of earlier builds, read and written; not with TensorRT-RTX, which has none without
            a GPU.

    Raises:
        BundleError: the bundle has no such artifact.
        EngineError: the product is not installed, has no GPU where it needs one, refuses the graph or fails to build.
        OutputError: the engine cannot be written.
        UsageError: the options do not go with the network.
    """
    artifact = bundle.artifact(target="tensorrt", precision=precision)
    trt, capability = _product(target), _capability(target)
    result = build(
        bundle.read(artifact), bundle.spec, trt, capability, artifact.file, options=options, timing_cache=timing_cache
    )
    engine = (cache_folder() if out is None else out) / engine_name(Path(artifact.file), result.key)
    write_engine(engine, result.plan, result.key, result.figures())
    return Compiled(engine, len(result.plan), result.seconds, result.layers)


def _product(target: Product) -> Any:
    try:
        return importlib.import_module(target.replace("-", "_"))
    except ImportError as error:
        raise EngineError(f"{target} is not installed ({error}); {INSTALL[target]}") from error


def _capability(target: Product) -> str:
    """Of the GPU that the build measures on; RTX needs none, and builds for every GPU from Ampere on."""
    if target == RTX:
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
