"""Stretch or letterbox? mIoU of both on frames of another shape than the network's input.

    python -m lab.resize_policy DATA [--bundle road] [--split val] [--aspect 16:9]

Labelled frames are cropped to the given aspect ratio (rows are taken off equally above and below, or columns at the
sides) and segmented both ways. What the spec of a bundle says was chosen so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.bundle import Bundle
from edgeseg.engines import open_engine
from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Resize
from edgeseg_bench.script import run_script


def crop(image: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """The middle of a frame (H, W, 3) or label (H, W), with width / height as near to `aspect` as pixels allow."""
    height, width = image.shape[:2]
    rows, columns = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(image[top : top + rows, left : left + columns])


def measure(bundle: Bundle, dataset: Dataset, aspect: float) -> dict[Resize, float]:
    """mIoU in percent of each policy."""
    artifact = bundle.artifact(target="onnxruntime")
    engine = open_engine("onnxruntime", bundle.path(artifact), bundle.spec, threads=1)
    policies: tuple[Resize, ...] = get_args(Resize)
    models = {policy: Segmenter(replace(bundle.spec, resize=policy), engine) for policy in policies}
    counts = {policy: ConfusionMatrix(bundle.spec.classes) for policy in policies}
    for frame, label in dataset:
        wide, truth = crop(frame, aspect), crop(label, aspect)
        for policy, model in models.items():
            counts[policy].add(model(wide), truth, ignore=dataset.classes.ignore)
    return {policy: matrix.miou for policy, matrix in counts.items()}


def main(data: Path, *, bundle: str = "road", split: str = "val", aspect: str = "16:9") -> None:
    """Prints the table.

    Args:
        data: a labelled data set.
        bundle: a name or path.
        split: of the data set.
        aspect: of the camera, as WIDTH:HEIGHT.
    """
    width, _, height = aspect.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"aspect is {aspect!r}, expected WIDTH:HEIGHT such as 16:9")
    figures = measure(Bundle.open(bundle), Dataset.open(data, split), int(width) / int(height))
    table = Table("policy", "mIoU %", title=f"{aspect} frames, {split} split")
    for policy, miou in figures.items():
        table.add_row(policy, f"{miou:.2f}")
    Console().print(table)


if __name__ == "__main__":
    run_script(main, "python -m lab.resize_policy")
