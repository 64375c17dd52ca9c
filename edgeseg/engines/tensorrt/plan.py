"""The plan (engine file) that TensorRT runs: kept by `edgeseg compile` or an earlier run, or built and kept now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from edgeseg.cache import cache_folder, tell
from edgeseg.engines.tensorrt.build import build, from_ampere, key_of
from edgeseg.engines.tensorrt.sidecar import ANY, Key, product_of, read_engine, same_version, sidecar_of, write_engine
from edgeseg.errors import EngineError, OutputError
from edgeseg.spec import Spec


def plan_for(path: Path, onnx: bytes, spec: Spec, trt: ModuleType, capability: str) -> tuple[bytes, Path]:
    """The plan of an artifact, ready to be deserialised, and where it lies.

    Args:
        path: an artifact's, which names the plan.
        onnx: its content.
        spec: of the bundle.
        trt: the module `tensorrt` or `tensorrt_rtx`.
        capability: compute capability of the card, "8.9".

    Raises:
        EngineError: there is none for this machine, and it cannot be built.
    """
    request = key_of(trt, capability, onnx)
    reasons = []
    for place in _places(path, request, capability):
        try:
            plan, key = read_engine(place)
            reason = _unfit(key, request)
            if reason is None:
                return plan, place
            reasons.append(reason)
        except EngineError as error:
            if place.exists() or sidecar_of(place).exists():
                reasons.append(str(error))
    why = "; ".join(reasons) or "it runs here for the first time"
    tell(f"building {path.stem} for {request.product} {request.version}, which may take minutes: {why}")
    result = build(onnx, spec, trt, capability, str(path))
    product = product_of(result.plan, str(path))
    if product[0] != request.product or not same_version(request.version, product[1]):
        raise EngineError(
            f"{request.product} {request.version} built an engine of {' '.join(product)}; install one version"
        )
    file = cache_folder() / engine_name(path, request)
    try:
        write_engine(file, result.plan, result.key, result.figures())
    except OutputError as error:
        tell(f"the engine is not kept, and will be built again next time: {error}")
    return result.plan, file


def engine_name(artifact: Path, key: Key) -> str:
    """The file that an engine is kept in, "road.fp16.9f86d081884c7d65.tensorrt.sm8.7.engine"."""
    card = ANY if key.compute_capability == ANY else f"sm{key.compute_capability}"
    return f"{artifact.stem}.{key.onnx_sha256[:16]}.{key.product}.{card}.engine"


def _places(path: Path, request: Key, capability: str) -> list[Path]:
    """Where a plan may be kept: one for this very card goes first."""
    kinds = dict.fromkeys((request.compute_capability, ANY) if from_ampere(capability) else (capability,))
    return [cache_folder() / engine_name(path, replace(request, compute_capability=kind)) for kind in kinds]


def _unfit(key: Key, request: Key) -> str | None:
    """Why a plan that is kept cannot serve, None if it can; whatever options a build had, it serves."""
    if key.options.keys() != request.options.keys():
        return f"it was built with the options {sorted(key.options)}, as another edgeseg does"
    return key.difference(replace(request, options=key.options))
