"""Proof that a graph takes several pictures at once: each gives what it gives alone, in every engine that is here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from edgeseg.agreement import BatchAgreement
from edgeseg.arrays import Image, Logits
from edgeseg.candidate import CPU_RUNTIMES, CPU_TARGET
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import EdgeSegError, ExportError
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg_export.closeness import LEAST_AGREEMENT
from edgeseg_export.precision.as_written import AsWritten

ADVICE = "a network that is tied to one picture takes no batch: leave --batch out"


def prove_batches(file: Path, target: str, spec: Spec, frames: Sequence[Image]) -> BatchAgreement:
    """Runs the graph with 1, 2, 3 and `spec.batch` pictures at once, and with each alone.

    Args:
        file: of the graph.
        target: the runtime that it was made for. TensorRT's is computed node by node, since no GPU need be here.
        spec: that it keeps.
        frames: uint8 (H, W, 3) in BGR, of any size; where they are too few, they come mirrored and darker too.

    Raises:
        ExportError: an engine fails, or the mask of one of several pictures at once agrees with that of it alone on
            less than LEAST_AGREEMENT of the pixels.
    """
    sizes = tuple(sorted({1, 2, 3, spec.batch} & set(range(1, spec.batch + 1))))
    differences: dict[str, float] = {}
    largest, least = 0.0, 100.0
    for engine in _engines(file, target, spec):
        model = Segmenter(spec, engine)
        pictures = np.concatenate([model.prepare(frame).copy() for frame in _several(frames, spec.batch)])
        alone = np.concatenate([_infer(engine, pictures[at : at + 1]) for at in range(spec.batch)])
        largest = max(largest, float(np.abs(alone).max()))
        difference = 0.0
        for size in sizes:
            last = slice(spec.batch - size, spec.batch)  # each size with other neighbours
            together = _infer(engine, pictures[last])
            if together.shape != alone[last].shape:
                raise ExportError(f"{engine.name} gives logits {together.shape} for {size} pictures at once; {ADVICE}")
            difference = max(difference, float(np.abs(together - alone[last]).max()))
            least = min(least, _agreement(model, together, alone[last]))
        engine.close()
        if not least >= LEAST_AGREEMENT:
            raise ExportError(
                f"in {engine.name} pictures at once give other masks than each alone: they agree on {least:.2f} % of "
                f"the pixels, expected {LEAST_AGREEMENT} %, and logits differ by up to {difference:.3g} (largest "
                f"{largest:.3g}); {ADVICE}"
            )
        differences[engine.name] = float(f"{difference:.2e}")
    return BatchAgreement(sizes, differences, round(largest, 3), round(least, 4))


def _engines(file: Path, target: str, spec: Spec) -> Iterator[Engine]:
    if target != CPU_TARGET:
        yield AsWritten(file)
        return
    for name in CPU_RUNTIMES:
        if find_spec(name) is not None:
            yield open_engine(name, file, spec, threads=1, own=True)


def _infer(engine: Engine, pictures: Image) -> Logits:
    try:
        return engine.infer(pictures)
    except EdgeSegError as error:
        raise ExportError(f"the graph fails with {len(pictures)} pictures at once ({error}); {ADVICE}") from error
    except RuntimeError as error:  # ONNX Runtime's own, where the graph is computed as it is written
        raise ExportError(f"the graph fails with {len(pictures)} pictures at once ({error}); {ADVICE}") from error


def _several(frames: Sequence[Image], count: int) -> list[Image]:
    """So many pictures, no two of which are the same: as they are and mirrored, then the same ones darker."""
    pictures = [*frames, *(np.ascontiguousarray(frame[:, ::-1]) for frame in frames)]
    return [pictures[at % len(pictures)] // np.uint8(1 + at // len(pictures)) for at in range(count)]


def _agreement(model: Segmenter, one: Logits, other: Logits) -> float:
    """Percent of a mask's pixels that have the same class, of the picture that agrees least."""
    size = model.spec.width, model.spec.height
    masks = [[model.mask(each[np.newaxis], *size) for each in logits] for logits in (one, other)]
    return 100 * min(float((mask == alone).mean()) for mask, alone in zip(*masks, strict=True))
