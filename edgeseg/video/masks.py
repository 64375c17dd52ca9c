"""Masks as files: lossless, one a frame; of labels that may overlap, one a frame and label."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from edgeseg.arrays import Mask
from edgeseg.atomic import KIND, new_file
from edgeseg.counted import counted
from edgeseg.errors import OutputError
from edgeseg.label_folder import folder_of
from edgeseg.temporary import orphans
from edgeseg.video.names import check_folder

# Masks are runs of equal ids: run lengths alone, unfiltered, take half the room and a quarter of the time of OpenCV's
# choice (960x540: 4.6 kB in 0.7 ms). Older versions of OpenCV have no choice of filter.
PARAMETERS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    PARAMETERS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


class MaskWriter:
    """Class ids as 8-bit grey PNG in a folder of one run: it is empty or new, or its masks may be overwritten.

    Labels that may overlap have a folder each in it, of masks that are 255 where the label holds and 0 elsewhere.

    Attributes:
        paths: the folder, once it holds a mask of this run.
        warnings: a sentence if masks of an earlier run are left among those of this one.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        """Makes the folder if it is not there.

        Args:
            folder: where masks go.
            overwrite: it may hold files; masks of the same names are replaced, everything else stays.

        Raises:
            OutputError: it cannot be made or written, or holds something and `overwrite` is not set.
        """
        self.paths: list[Path] = []
        self.warnings: list[str] = []
        self._folder = folder
        self._folders: dict[str, Path] = {}
        try:
            self._is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            self._earlier = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder} for masks: {error.strerror}; choose another") from error
        check_folder(folder)
        if self._earlier and not overwrite:
            raise OutputError(
                f"the folder {folder} for masks holds {counted(len(self._earlier), 'file')} already, and masks of "
                "two runs would mix; choose another folder, put the time into its name ({time:%H-%M-%S}), or add "
                "--overwrite"
            )
        for leftover, _, _ in orphans(folder, KIND):
            leftover.unlink()

    def write(self, mask: Mask, index: int, name: str | None = None, labels: Sequence[str] = ()) -> None:
        """Writes a uint8 (H, W) mask as NAME.png, or by its index as 000042.png.

        Args:
            mask: class ids; or (L, H, W), not 0 where a label holds, which is written as LABEL/NAME.png.
            index: of the frame.
            name: of the frame, if it has one.
            labels: names of the L masks; none of class ids.

        Raises:
            OutputError: the disk is full, or a label's folder cannot be made.
        """
        file = f"{f'{index:06d}' if name is None else name}.png"
        if not labels:
            self._write(mask, self._folder / file)
            self._earlier.discard(file)
        for label, plane in zip(labels, mask if labels else (), strict=True):
            folder = self._folder_of(label)
            self._write(np.where(plane, np.uint8(255), np.uint8(0)), folder / file)
            self._earlier.discard(f"{folder.name}/{file}")
        self.paths = [self._folder]

    def _folder_of(self, label: str) -> Path:
        """The label's folder, which is made at its first mask."""
        if label in self._folders:
            return self._folders[label]
        folder = self._folder / folder_of(label)
        try:
            folder.mkdir(exist_ok=True)
            self._earlier |= {f"{folder.name}/{path.name}" for path in folder.iterdir() if path.name[0] != "."}
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {folder} for masks: {error.strerror or error}; choose another"
            ) from error
        self._earlier.discard(folder.name)
        for leftover, _, _ in orphans(folder, KIND):
            leftover.unlink()
        self._folders[label] = folder
        return folder

    def _write(self, mask: Mask, path: Path) -> None:
        _, encoded = cv2.imencode(".png", mask, PARAMETERS)
        with new_file(path) as temporary:
            temporary.write_bytes(encoded.tobytes())

    def close(self) -> None:
        """Every mask is whole already; a folder that was made here and holds none is removed."""
        if self._is_new and not self.paths:
            with suppress(OSError):
                self._folder.rmdir()
        if self._earlier and self.paths and not self.warnings:
            self.warnings.append(f"{self._folder} also holds {counted(len(self._earlier), 'file')} not of this run")
