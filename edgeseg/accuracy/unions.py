"""Splits that are made of other splits, as VOC's list trainval is of train and val."""

from __future__ import annotations

from collections.abc import Sequence

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts.split_folders import SPLITS


def without_unions(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The splits of a data set without those whose images are all of some others; train, val and test always stay."""
    images = [{pair.image for pair in dataset.pairs} for dataset in datasets]

    def within(place: int) -> list[int]:
        """Splits that lie in one; of two that are equal one of SPLITS, or else the first, lies in the other."""
        own = images[place]
        equal_counts = (datasets[other].split in SPLITS or other < place for other in range(len(images)))
        return [
            other
            for other, counts in enumerate(equal_counts)
            if other != place and (images[other] < own or (counts and images[other] == own))
        ]

    return [
        dataset
        for place, (dataset, own) in enumerate(zip(datasets, images, strict=True))
        if dataset.split in SPLITS or set().union(*(images[other] for other in within(place))) != own
    ]
