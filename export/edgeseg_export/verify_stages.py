"""The stages that a verification compares: PyTorch, each artifact, and each artifact in other runtimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edgeseg.artifact import SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate, saturates
from edgeseg.engines import open_engine
from edgeseg.engines import runtime as load_runtime
from edgeseg.engines.tensorrt.installation import driver, products
from edgeseg.errors import EngineError, UsageError
from edgeseg.processor import NO_VNNI
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg_export.precision.as_written import AsWritten, open_to_measure

BEFORE: dict[str, tuple[str, ...]] = {
    "onnxruntime fp32": ("torch",),
    "onnxruntime fp16": ("onnxruntime fp32",),
    "tensorrt fp16": ("onnxruntime fp32",),
    "onnxruntime int8": ("tensorrt fp16", "onnxruntime fp32"),
    f"onnxruntime {SEVEN_BITS}": ("tensorrt fp16", "onnxruntime fp32"),
    "tensorrt int8": ("tensorrt fp16", "onnxruntime fp32"),
}
"""Artifacts in order, and what each is compared with: the first of these that is there."""

RUNTIMES = {"onnxruntime": ("openvino",), "tensorrt": ("tensorrt",)}
"""What else may run an artifact, by its target; it is compared with the artifact as it was computed before."""


@dataclass(frozen=True)
class Stage:
    """A step of the way, ready to run.

    Attributes:
        name: "torch", "torch fp16", an artifact's target and precision, or that "in" another runtime.
        model: runs it.
        engine: what runs it, for the report.
        artifact: None for torch.
        before: name of the stage that it is compared with; by default the one before it in the list.
        timed: whether its time means anything; not so for a graph that is computed as it is written.
        notes: what else is known when all frames are done, as a JSON object.
    """

    name: str
    model: Segmenter
    engine: str
    artifact: Artifact | None = None
    before: str | None = None
    timed: bool = True
    notes: Callable[[], Mapping[str, Any]] = dict


class Way(NamedTuple):
    """What a verification goes through.

    Attributes:
        stages: that this machine can run.
        left_out: why others are not run: their runtime is not installed, or is not meant for them.
        failed: why others cannot be run though their runtime is installed, a sentence each.
    """

    stages: list[Stage]
    left_out: list[str]
    failed: list[str]


def stages(bundle: Bundle, weights: Path | None) -> Way:
    """All stages, and why some are not run.

    Artifacts for TensorRT are computed as they are written; where TensorRT and a GPU are, by TensorRT too.

    Raises:
        UsageError: there is only one, so nothing can be compared.
    """
    artifacts = {str(artifact): artifact for artifact in bundle.artifacts if str(artifact) in BEFORE}
    comparable = [] if weights is None else _torch_stages(bundle.spec, weights)
    for name in (name for name in BEFORE if name in artifacts):
        comparable.append(_artifact_stage(bundle, artifacts[name], [stage.name for stage in comparable]))
    elsewhere = _stages_elsewhere(bundle, artifacts)
    comparable += elsewhere.stages
    if len(comparable) < 2:
        raise UsageError(
            f"{bundle.spec.name} has one stage, {', '.join(each.name for each in comparable) or 'none'}, expected two "
            "or more to compare; give --weights, or run `edgeseg quantize` first"
        )
    return elsewhere._replace(stages=comparable)


def _torch_stages(spec: Spec, weights: Path) -> list[Stage]:
    from edgeseg_export.torch_engine import HalfTorchEngine, TorchEngine  # bundles of ONNX files are verified without

    half = HalfTorchEngine(weights)
    return [
        Stage("torch", Segmenter(spec, TorchEngine(weights)), TorchEngine.name),
        Stage("torch fp16", Segmenter(spec, half), half.name, before="torch", notes=half.range),
    ]


def _artifact_stage(bundle: Bundle, artifact: Artifact, earlier: Sequence[str]) -> Stage:
    """An artifact in its own runtime, compared with the first of BEFORE that is among the `earlier` stages."""
    name, path = str(artifact), bundle.path(artifact)
    before = next((each for each in BEFORE[name] if each in earlier), None)
    engine = open_to_measure(artifact.target, artifact.precision, path, bundle.spec)
    timed = not isinstance(engine, AsWritten)
    return Stage(name, Segmenter(bundle.spec, engine), engine.name, artifact, before, timed=timed)


def _stages_elsewhere(bundle: Bundle, artifacts: Mapping[str, Artifact]) -> Way:
    """The artifacts in other runtimes."""
    way = Way([], [], [])
    for name, artifact in artifacts.items():
        for runtime in RUNTIMES[artifact.target]:
            if saturates(Candidate(runtime, artifact)):
                way.left_out.append(f"{name} in {runtime}: {NO_VNNI}")
                continue
            reasons = way.left_out
            try:
                _check_installed(runtime)
                reasons = way.failed
                engine = open_engine(runtime, bundle.path(artifact), bundle.spec, threads=1)
            except EngineError as error:
                reasons.append(f"{name} in {runtime}: {error}")
            else:
                model = Segmenter(bundle.spec, engine)
                way.stages.append(Stage(f"{name} in {runtime}", model, engine.name, artifact, name))
    return way


def _check_installed(name: str) -> None:
    """Refuses a runtime that is not there, with its device.

    Raises:
        EngineError: it is not.
    """
    load_runtime(name)
    if name == "tensorrt":
        driver()
        products()
