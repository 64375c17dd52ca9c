"""Splits that are made of other splits, as VOC's list trainval is of train and val."""

from __future__ import annotations

from collections.abc import Sequence

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts.split_folders import SPLITS


def without_unions(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The splits of a data set without those whose images are all of some others; train, val and test always stay."""
    images = [{pair.image for pair in dataset.pairs} for dataset in datasets]
    return [
        dataset
        for dataset, own in zip(datasets, images, strict=True)
        if dataset.split in SPLITS or set().union(*(other for other in images if other < own)) != own
    ]
