"""The frames that a quantisation learns from, each known by its content: no frame may serve two purposes."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset, is_data_set
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.artifact import Artifact
from edgeseg.counted import counted
from edgeseg.errors import DataError, EdgeSegWarning
from edgeseg.measured import Calibration
from edgeseg.segmenter import Segmenter
from edgeseg.terminal import shown_name
from edgeseg.video.open import open_source
from edgeseg_export.frames import spread

CALIBRATE = 96
"""Frames for the ranges; more change them little."""

CHOOSE = 32
"""Other frames, on which the methods are compared."""

FEWEST = 32
"""Frames below which a range may miss what is rare."""

Tensor = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One frame, ready for the network.

    Attributes:
        tensor: uint8 (1, H, W, 3), BGR.
        sha256: of the frame's pixels as they were before fitting.
        index: in the data set; in the video or folder of images.
    """

    tensor: Tensor
    sha256: str
    index: int


@dataclass(frozen=True)
class CalibrationData:
    """Frames for two purposes, no frame in both.

    Attributes:
        calibrate: for the ranges.
        choose: for the choice among methods.
        labelled: the frames of `choose` with their labels; None where there are none.
        name: as messages call it.
        images: the frames of `choose` in their data set, whatever its labels; None of a video or a folder of images.
    """

    calibrate: tuple[Sample, ...]
    choose: tuple[Sample, ...]
    labelled: Dataset | None
    name: str
    images: Dataset | None = None

    @property
    def hashes(self) -> set[str]:
        """Of all frames, whatever they serve for."""
        return {sample.sha256 for sample in (*self.calibrate, *self.choose)}


def read_calibration_data(data: Path, split: str, model: Segmenter) -> CalibrationData:
    """Reads a split of a data set, or a video or a folder of images without labels.

    Raises:
        DataError: there is nothing at that path, or there are fewer than two different frames.
        SourceError: it is neither, or cannot be read.

    Warns:
        EdgeSegWarning: the classes are not the model's, so that the labels cannot choose.
    """
    check_there(data)
    if is_data_set(data):
        dataset = Dataset.open(data, split)
        other = False
        if not model.spec.head.exclusive:
            LabelDataset.of(dataset, model.spec)  # refuses one that lacks a label
        elif other := dataset.classes.names != model.spec.classes:
            warnings.warn(
                f"{data} has other classes than the bundle, so its labels choose nothing: ranges are compared by "
                "agreement with fp32",
                EdgeSegWarning,
                stacklevel=2,
            )
        places = spread(len(dataset), CALIBRATE + CHOOSE)
        samples = _distinct([_sample(dataset.frame(index), index, model) for index in places])
        calibrate, choose = _divide(samples, str(data))
        unseen = replace(dataset, pairs=tuple(dataset.pairs[sample.index] for sample in choose))
        return CalibrationData(calibrate, choose, None if other else unseen, f"{shown_name(data)} {split}", unseen)
    calibrate, choose = _divide(_distinct(_from_source(data, model)), str(data))
    return CalibrationData(calibrate, choose, None, shown_name(data))


def check_there(data: Path) -> None:
    """Raises DataError where there is neither a data set, a video nor a folder of pictures to look for."""
    if not data.exists():
        raise DataError(f"there is no {data}; give a data set, a video, or a folder of pictures")


def frame_hash(frame: NDArray[np.uint8]) -> str:
    """SHA-256 of a frame's size and pixels: the same picture in another file is the same frame."""
    return hashlib.sha256(repr(frame.shape).encode() + frame.tobytes()).hexdigest()


def refuse_seen(artifact: Artifact, dataset: Dataset) -> None:
    """Refuses an evaluation of an artifact on frames that it was calibrated with.

    Raises:
        BundleError: what the bundle says of the calibration cannot be read.
        DataError: as `refuse_overlap`.
    """
    calibration = artifact.measured.get(Calibration)
    if calibration is not None:
        refuse_overlap(set(calibration.frames_sha256), dataset)


def refuse_overlap(used: set[str], dataset: Dataset) -> None:
    """Refuses an evaluation on frames that the quantisation has seen.

    Args:
        used: hashes of those frames, or their first digits.
        dataset: that is to be evaluated on.

    Raises:
        DataError: they share frames; the first is named.
    """
    if not used:
        return
    lengths = {len(digest) for digest in used}
    shared = []
    for index, pair in enumerate(dataset.pairs):
        digest = frame_hash(dataset.frame(index))
        if any(digest[:length] in used for length in lengths):
            shared.append(pair.image)
    if shared:
        raise DataError(
            f"{counted(len(shared), 'image')} of {dataset.folder} {dataset.split or ''} served for calibration, the "
            f"first is {shared[0]}: a figure measured on them would flatter; evaluate on other images"
        )


def _sample(frame: NDArray[np.uint8], index: int, model: Segmenter) -> Sample:
    return Sample(model.prepare(np.ascontiguousarray(frame)), frame_hash(frame), index)


def _from_source(data: Path, model: Segmenter) -> list[Sample]:
    """Frames of a video or folder, evenly spaced; where the number is not announced, every other one is dropped as
    soon as there are too many."""
    samples: list[Sample] = []
    step = 1
    with open_source(data) as source:
        for frame in source:
            if frame.index % step:
                continue
            samples.append(_sample(frame.image, frame.index, model))
            if len(samples) > 2 * (CALIBRATE + CHOOSE):
                samples, step = samples[::2], 2 * step
    return [samples[place] for place in spread(len(samples), CALIBRATE + CHOOSE)]


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    """The samples without repeated frames."""
    return list({sample.sha256: sample for sample in samples}.values())


def _divide(samples: list[Sample], name: str) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """One frame in four for the choice, from all over the data."""
    if len(samples) < 2:
        raise DataError(
            f"{name} gives {counted(len(samples), 'different frame')}, expected at least 2 and rather "
            f"{CALIBRATE + CHOOSE}: one part gives the ranges, the other chooses among the methods"
        )
    every = (CALIBRATE + CHOOSE) // CHOOSE
    calibrate = tuple(sample for place, sample in enumerate(samples) if place % every != 1)
    return calibrate, tuple(samples[1::every])
