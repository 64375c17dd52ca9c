"""Every engine that can run a bundle on the card: what its plan is worth here, whether it is right, how fast it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeseg.arrays import Image
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.engines import Engine, open_engine
from edgeseg.engines.tensorrt.build import keeping_logger
from edgeseg.engines.tensorrt.engine import DEPTH, TensorRT
from edgeseg.engines.tensorrt.plan import plan_for
from edgeseg.segmenter import Segmenter
from edgeseg_bench import engine
from edgeseg_bench.windows import figures, repeat

PROVIDERS = ("onnxruntime:cuda", "onnxruntime:tensorrt")



@dataclass(frozen=True)
class Candidate:
    """One way to run an artifact.

    Attributes:
        engine: the runtime.
        artifact: the model.
        path: of its file, verified.
        graph: whether frames are launched as CUDA graphs; None where the runtime does not say.
        open: loads it.
    """

    engine: str
    artifact: Artifact
    path: Path
    graph: bool | None
    open: Callable[[], Engine]

    @property
    def there(self) -> bool:
        """Whether its runtime is known to be installed: ONNX Runtime's providers say so when they are opened."""
        return self.graph is not None

    def __str__(self) -> str:
        graph = "" if self.graph is None else " with graph" if self.graph else " without graph"
        return f"{self.engine} {self.artifact.precision}{graph}"


def candidates(bundle: Bundle, cuda: Any, installed: Sequence[ModuleType]) -> Iterator[Candidate]:
    """Each TensorRT that is installed with and without graphs, and ONNX Runtime's providers."""
    spec = bundle.spec
    for trt in installed:
        for artifact in bundle.artifacts_for("tensorrt"):
            path = bundle.path(artifact)
            for graph in (True, False):
                opener = partial(TensorRT, path, bundle.read(artifact), spec, trt, cuda, graphs=graph)
                yield Candidate(trt.__name__.replace("_", "-"), artifact, path, graph, opener)
    for name in PROVIDERS:
        for artifact in bundle.artifacts_for("onnxruntime"):
            path = bundle.path(artifact)
            yield Candidate(name, artifact, path, None, partial(open_engine, name, path, spec, 1))


def plan(bundle: Bundle, artifact: Artifact, trt: ModuleType, capability: str) -> dict[str, Any]:
    """The plan of an artifact, built if need be, and what TensorRT-RTX itself says about it on this machine.

    Raises:
        EngineError: it cannot be built.
    """
    content, file = plan_for(bundle.path(artifact), bundle.read(artifact), bundle.spec, trt, capability)
    about: dict[str, Any] = {"file": file.name, "bytes": len(content), "validity": None, "diagnostics": []}
    runtime = trt.Runtime(keeping_logger(trt))
    if hasattr(runtime, "get_engine_validity"):
        validity, bits = runtime.get_engine_validity(content)
        known = trt.EngineInvalidityDiagnostics.__members__.items()
        about["validity"] = validity.name.lower()
        about["diagnostics"] = [name.lower() for name, bit in known if int(bits) & int(bit)]
    return about


def parity(
    model: Segmenter, frames: Sequence[Image], size: tuple[int, int], expected: Sequence[Image]
) -> dict[str, Any]:
    """Percent of the pixels as in `expected`, and pixels in which the card's mask is not that of its own logits.

    Args:
        model: on the card.
        frames: BGR, of that size.
        size: of the masks, (width, height).
        expected: masks of the artifact that is the reference.
    """
    agree = equal = pixels = 0
    makes_masks = model.makes_masks
    for frame, other in zip(frames, expected, strict=True):
        tensor = model.prepare(frame)
        mask = model.segment(tensor, *size)
        equal += int((mask == model.mask(model.infer(tensor), *size)).sum()) if makes_masks else 0
        agree += int((mask == other).sum())
        pixels += mask.size
    different = pixels - equal if makes_masks else None  # without a kernel of the card there is nothing to compare
    return {"mask_agreement": 100 * agree / pixels, "different_from_processor_kernel": different}


def timings(
    model: Segmenter, frames: Sequence[Image], size: tuple[int, int], *, calls: int, windows: int
) -> list[dict[str, Any]]:
    """Latency on one thread, throughput on as many as frames fit in flight, with the mask made here and there.

    Args:
        model: on the card.
        frames: BGR, of that size.
        size: of the masks, (width, height).
        calls: of a window.
        windows: at most.
    """
    tensors = [model.prepare(frame).copy() for frame in frames]
    ways: dict[str, Callable[[Image], object]] = {
        "logits": model.infer,
        "processor": lambda tensor: model.mask(model.infer(tensor), *size),
    }
    if model.makes_masks:
        ways["card"] = lambda tensor: model.segment(tensor, *size)
    rows = []
    for mask, way in ways.items():
        for threads in (1, DEPTH):
            engine.measure(way, tensors, frames=max(threads, calls // 10), workers=threads)  # memory is mapped
            measured, steady = repeat(
                partial(engine.measure, way, tensors, frames=calls, workers=threads), _p50, most=windows
            )
            rows.append({"mask": mask, "threads": threads, "steady": steady, **figures(measured)})
    return rows


def _p50(window: Any) -> float:
    return float(window.p50)
