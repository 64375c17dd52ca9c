"""The result of `edgeseg verify` as a JSON object, of which the README's table of precisions is made."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.bundle import Bundle
from edgeseg.processor import available_cores, processor
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.scratch import scratch_folder
from edgeseg_export.to_engine import compile_engine
from edgeseg_export.verify import StageResult

PACKAGES = ("torch", "onnxruntime", "openvino", "tensorrt", "tensorrt_rtx")


def to_json(
    bundle: Bundle, data: Dataset | FrameSet, results: Sequence[StageResult], left_out: Sequence[str]
) -> dict[str, Any]:
    """Every figure of every stage, the machine, and what TensorRT-RTX's engines cost to build where it is installed."""
    return {
        "format": 1,
        "what": "edgeseg verify",
        "bundle": bundle.spec.name,
        "split": "frames without labels" if isinstance(data, FrameSet) else data.split or "whole",
        "images": len(data),
        "data_sha256": data.digest,
        "machine": {"processor": processor(), "cores": available_cores()},
        "versions": _versions(),
        "stages": [{"stage": each.stage, **each.verification().to_json(), **each.notes} for each in results],
        "left_out": list(left_out),
        "builds": _builds(bundle) if find_spec("tensorrt_rtx") is not None else [],
    }


def _builds(bundle: Bundle) -> list[dict[str, Any]]:
    """Of each artifact for TensorRT by TensorRT-RTX, which needs no GPU for it."""
    builds = []
    with scratch_folder("verify") as folder:
        for artifact in bundle.artifacts:
            if artifact.target == "tensorrt":
                result = compile_engine(bundle, "tensorrt-rtx", artifact.precision, folder)
                builds.append(
                    {
                        "product": "tensorrt-rtx",
                        "artifact": str(artifact),
                        "seconds": round(result.seconds, 3),
                        "bytes": result.bytes,
                    }
                )
    return builds


def _versions() -> dict[str, str]:
    """Of the packages that are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
