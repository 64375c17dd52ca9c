"""`edgeseg compile`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgeseg.bundle import Bundle
from edgeseg.terminal import make_console
from edgeseg_export.to_engine import Product


def compile_command(
    bundle: str,
    *,
    target: Product,
    precision: Literal["fp32", "fp16", "int8"] = "fp16",
    out: Path | None = None,
    workspace: int | None = None,
    timing_cache: Path | None = None,
    hardware_compatible: bool = False,
    smallest: str | None = None,
    largest: str | None = None,
    batch: int = 1,
) -> int:
    """Build a TensorRT engine now, so that a run starts at once.

    TensorRT builds for the GPU of this machine; TensorRT-RTX builds without a GPU, for Ampere and newer.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        target: the product that builds, and that will run, the engine.
        precision: the artifact's precision; `edgeseg quantize` adds fp16 and int8 to a bundle.
        out: folder for the engine and its notes; by default where `run` looks for it, which is $EDGESEG_CACHE or
            ~/.cache/edgeseg.
        workspace: MiB that a layer may use while it runs.
        timing_cache: file with measurements of earlier builds, read and written; TensorRT only.
        hardware_compatible: let all GPUs from Ampere on run the engine, at some cost in speed.
        smallest: WIDTHxHEIGHT that a dynamic network must take.
        largest: WIDTHxHEIGHT that a dynamic network must take.
        batch: pictures at once that the engine is tuned for, of those that the network takes.
    """
    from edgeseg.engines.tensorrt.build import Options
    from edgeseg_export.sizes import parse_size
    from edgeseg_export.to_engine import compile_engine

    options = Options(workspace, hardware_compatible, parse_size(smallest), parse_size(largest), batch)
    result = compile_engine(Bundle.open(bundle), target, precision, out, options=options, timing_cache=timing_cache)
    make_console().print(
        f"{result.engine}: {result.bytes / 1e6:.2f} MB, built in {result.seconds:.2f} s, {result.layers} layers",
        highlight=False,
        soft_wrap=True,
    )
    return 0
