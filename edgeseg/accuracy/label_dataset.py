"""A labelled split as the masks of labels that may overlap, whichever way it lies on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import DataError
from edgeseg.spec import Spec


@dataclass(frozen=True)
class LabelDataset:
    """A mask for each label of a network: of a folder for each label, of COCO's objects, or of one class a pixel.

    Attributes:
        dataset: the split.
        labels: of the network, each of which is a class of the data set.
    """

    dataset: Dataset
    labels: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset, spec: Spec) -> LabelDataset:
        """The split for the network that `spec` describes; classes that are none of its labels are left out.

        Raises:
            DataError: the data set lacks a label.
        """
        lacking = [label for label in spec.classes if label not in dataset.classes.names]
        if lacking:
            raise DataError(
                f"{dataset.folder} has the classes {', '.join(dataset.classes.names)}; bundle {spec.name} also has "
                f"{', '.join(lacking)}: give data with every label of the bundle"
            )
        return cls(dataset, spec.classes)

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return (self.load(index) for index in range(len(self)))

    def load(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One image and its masks, as `Dataset.load_masks` gives them.

        Raises:
            DataError: as there.
        """
        return self.dataset.load_masks(index, self.labels)
