"""Frames without labels, of a video or a folder of pictures: an artifact's agreement with fp32 is measured on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgeseg.accuracy.dataset import Dataset, is_data_set
from edgeseg.arrays import Image
from edgeseg.artifact import Artifact
from edgeseg.errors import DataError
from edgeseg.measured import Calibration
from edgeseg.video.open import open_source
from edgeseg_export.precision.calibration_data import check_there, frame_hash

COUNT = 64
"""Frames at most, evenly spaced; each has as many answers as pixels, and more frames change a share of them little."""


@dataclass(frozen=True)
class FrameSet:
    """Evenly spaced frames, which are read anew each time that they are gone through.

    Attributes:
        path: a video, or a folder of pictures.
        places: of the frames, counted from 0.
    """

    path: Path
    places: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> FrameSet:
        """Counts the frames, and chooses COUNT of them.

        Raises:
            DataError: there is nothing at that path, or no frame in it.
            SourceError: it is neither a video nor a folder of pictures, or cannot be read.
        """
        check_there(path)
        with open_source(path) as source:
            places = [frame.index for frame in source]
        if not places:
            raise DataError(f"{path} gives no frame; give another video, or a folder of pictures")
        chosen = np.unique(np.linspace(0, len(places) - 1, min(COUNT, len(places))).round().astype(int))
        return cls(path, tuple(places[each] for each in chosen))

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Image]:
        wanted = set(self.places)
        with open_source(self.path) as source:
            for frame in source:
                if frame.index in wanted:
                    yield np.ascontiguousarray(frame.image)
                if frame.index >= self.places[-1]:
                    return

    def frame(self, index: int) -> Image:
        """One frame, BGR uint8 (H, W, 3), by its place in the set."""
        return next(iter(FrameSet(self.path, (self.places[index],))))

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of each frame's pixels, in order."""
        return tuple(frame_hash(frame) for frame in self)

    @property
    def digest(self) -> str:
        """SHA-256 of all frames."""
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()

    def refuse_seen(self, artifact: Artifact) -> None:
        """Refuses a proof on frames that the artifact was calibrated with.

        Raises:
            BundleError: what the bundle says of the calibration cannot be read.
            DataError: as `refuse_overlap`.
        """
        calibration = artifact.measured.get(Calibration)
        if calibration is not None:
            self.refuse_overlap(set(calibration.frames_sha256))

    def refuse_overlap(self, used: set[str]) -> None:
        """Refuses a proof on frames that a quantisation has seen.

        Args:
            used: hashes of those frames, or their first digits.

        Raises:
            DataError: they share frames.
        """
        lengths = {len(digest) for digest in used}
        shared = [
            place
            for place, digest in zip(self.places, self.hashes, strict=True)
            if any(digest[:length] in used for length in lengths)
        ]
        if shared:
            raise DataError(
                f"{len(shared)} of {len(self)} frames of {self.path} served for calibration, the first is frame "
                f"{shared[0]}: a figure measured on them would flatter; give another video or other pictures"
            )


def open_proof(path: Path, split: str | None) -> Dataset | FrameSet:
    """A split of a data set where the folder is one, else frames without labels.

    Raises:
        DataError: the data set breaks its own rules, or there is nothing at that path.
        SourceError: it is neither a data set, a video nor a folder of pictures.
    """
    if is_data_set(path):
        return Dataset.open(path, split)
    return FrameSet.open(path)
