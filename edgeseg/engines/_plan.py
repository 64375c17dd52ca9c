"""The plan (engine file) that TensorRT runs: taken from where it was kept, or built from the artifact and kept."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeseg.artifact import sha256_of
from edgeseg.errors import EngineError, OutputError
from edgeseg.sidecar import Key, product_of, read_engine, same_version, sidecar_of, system, write_engine
from edgeseg.spec import Spec

OPTIONS = {"strongly_typed": True}
"""Of the build: precision is written in the graph."""


def cache_folder() -> Path:
    """Where plans are kept: in $EDGESEG_CACHE, $XDG_CACHE_HOME/edgeseg or ~/.cache/edgeseg."""
    if "EDGESEG_CACHE" in os.environ:
        return Path(os.environ["EDGESEG_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edgeseg"


def plan_for(path: Path, spec: Spec, trt: ModuleType, capability: str) -> tuple[bytes, Path]:
    """The plan of an artifact, ready to be deserialised, and where it lies.

    Args:
        path: an ONNX artifact; or an engine with its notes, which cannot be built again from here.
        spec: of the bundle.
        trt: the module `tensorrt` or `tensorrt_rtx`.
        capability: compute capability of the card, "8.9".

    Raises:
        EngineError: the plan is not for this machine, or cannot be built.
    """
    if path.suffix != ".onnx":
        plan, key = read_engine(path)
        wanted = _wanted(trt, capability, key.onnx_sha256)
        difference = key.difference(replace(wanted, options=key.options))
        if difference is not None:
            raise EngineError(f"{path} is not for this machine: {difference}; compile the bundle here")
        return plan, path
    onnx = path.read_bytes()
    wanted = _wanted(trt, capability, sha256_of(onnx))
    kept = cache_folder() / f"{path.stem}.{wanted.onnx_sha256[:16]}.{wanted.product}.sm{capability}.engine"
    try:
        plan, key = read_engine(kept)
        reason = key.difference(wanted)
        if reason is None:
            return plan, kept
    except EngineError as error:
        reason = str(error) if kept.exists() or sidecar_of(kept).exists() else "it runs here for the first time"
    _tell(f"building {path.stem} for {wanted.product} {wanted.version}, which may take minutes: {reason}")
    plan = build_plan(onnx, spec, trt, path)
    made = product_of(plan, str(path))
    if made[0] != wanted.product or not same_version(wanted.version, made[1]):
        raise EngineError(f"{wanted.product} {wanted.version} built an engine of {' '.join(made)}; install one version")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_engine(kept, plan, wanted, {})
    except (OutputError, OSError) as error:
        _tell(f"the engine is not kept, and will be built again next time: {error}")
    return plan, kept


def build_plan(onnx: bytes, spec: Spec, trt: ModuleType, where: Path) -> bytes:
    """Builds a plan at the spec's size.

    Raises:
        EngineError: TensorRT refuses the graph; its first complaint is in the message.
    """
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    flags = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flags is None else 1 << int(flags))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        said = parser.get_error(0).desc() if parser.num_errors else "no reason given"
        raise EngineError(f"TensorRT cannot read {where}: {said.strip().splitlines()[0][:200]}; export for tensorrt")
    config = builder.create_builder_config()
    if spec.dynamic:
        profile = builder.create_optimization_profile()
        shape = (1, spec.height, spec.width, 3)
        profile.set_shape("frame", shape, shape, shape)
        config.add_optimization_profile(profile)
    plan: Any = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"TensorRT cannot build {where} for this card; its log above says why")
    return bytes(plan)


def _wanted(trt: ModuleType, capability: str, onnx_sha256: str) -> Key:
    product = trt.__name__.replace("_", "-")
    return Key(product, trt.__version__, system(), capability, OPTIONS, onnx_sha256)


def _tell(sentence: str) -> None:
    print(f"edgeseg: {sentence}", file=sys.stderr, flush=True)
