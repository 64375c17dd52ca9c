"""The labelled images that accuracy is measured on, beside speed."""

from __future__ import annotations

from pathlib import Path

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.errors import DataError
from edgeseg_export.precision.calibration_data import refuse_seen

USUAL = "val"


def open_labelled(folder: Path, split: str | None) -> Dataset:
    """A split of a data set; without a name "val", or the whole of one that has no splits.

    Raises:
        DataError: the folder or split is not there, is empty, or an image or mask lacks its partner.
    """
    return Dataset.open(folder, split or (USUAL if splits(folder) else None))


def check_labelled(bundle: Bundle, artifact: Artifact, dataset: Dataset) -> None:
    """Refuses data that cannot judge an artifact, or would flatter it.

    Raises:
        DataError: its classes are not the bundle's, or an image served for calibration.
    """
    names = bundle.spec.classes
    if dataset.classes.names != names:
        raise DataError(
            f"{dataset.folder} has the classes {', '.join(dataset.classes.names)}, bundle {bundle.spec.name} has "
            f"{', '.join(names)}: measure on data with the same classes in the same order"
        )
    refuse_seen(artifact, dataset)
