"""TensorRT plans of a bundle, as `edgeseg compile --target tensorrt` writes them, by the card that each is for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from edgeseg.bundle import Bundle
from edgeseg.engines.tensorrt.sidecar import ANY, read_engine
from edgeseg.errors import EngineError

PRODUCT = "tensorrt"
"""Triton's backend does not load TensorRT-RTX's plans."""


class Plan(NamedTuple):
    """A plan that is to be served.

    Attributes:
        name: the file's, "sm8.9.plan".
        capability: compute capability of its card, "8.9", or "any" from Ampere on.
        content: the plan.
    """

    name: str
    capability: str
    content: bytes


def read_plans(bundle: Bundle, files: Iterable[Path]) -> list[Plan]:
    """The plans in these files, each with its notes beside it; they are of one artifact of the bundle.

    Raises:
        EngineError: one is no plan, was altered, is TensorRT-RTX's, of another network or for the same card as another.
    """
    plans: list[Plan] = []
    artifacts = {}
    for file in files:
        content, key = read_engine(file)
        artifact = next((each for each in bundle.artifacts if each.sha256 == key.onnx_sha256), None)
        if key.product != PRODUCT:
            raise EngineError(f"{file} was built by {key.product}, which Triton has no backend for; use {PRODUCT}")
        if artifact is None:
            raise EngineError(f"{file} was built from no artifact of bundle {bundle.spec.name}; compile it again")
        artifacts[artifact.file] = file
        if len(artifacts) > 1:
            raise EngineError(f"the plans are of {' and '.join(artifacts)}; give those of one, as answers would differ")
        if any(plan.capability == key.compute_capability for plan in plans):
            raise EngineError(f"{file} is the second plan for compute capability {key.compute_capability}; give one")
        plans.append(Plan(f"sm{key.compute_capability}.plan", key.compute_capability, content))
    return sorted(plans, key=lambda plan: plan.capability != ANY)
