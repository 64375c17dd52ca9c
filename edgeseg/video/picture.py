"""An overlay as a picture: what `--out` makes of a single image."""

from __future__ import annotations

from pathlib import Path

import cv2

from edgeseg.arrays import Image
from edgeseg.atomic import atomic_file
from edgeseg.errors import OutputError
from edgeseg.video.names import check_target

SUFFIXES = (".png", ".jpg", ".jpeg")


class PictureWriter:
    """One picture, as PNG or JPEG.

    Attributes:
        paths: the file, once it is written.
        warnings: none.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Raises OutputError unless `path` can be written, ends in .png, .jpg or .jpeg, and is free or `overwrite`."""
        check_target(path, SUFFIXES, overwrite=overwrite)
        self.paths: list[Path] = []
        self.warnings: list[str] = []
        self._path = path

    def write(self, image: Image) -> None:
        """Writes a BGR uint8 (H, W, 3) image.

        Raises:
            OutputError: the disk is full, or the format cannot hold the image.
        """
        try:
            fits, encoded = cv2.imencode(self._path.suffix, image)
        except cv2.error:
            fits = False
        if not fits:  # JPEG ends at 65500 pixels a side
            height, width = image.shape[:2]
            raise OutputError(f"cannot write {self._path}: {width}x{height} pixels do not fit; try .png")
        with atomic_file(self._path) as temporary:
            temporary.write_bytes(encoded.tobytes())
        self.paths = [self._path]

    def close(self) -> None:
        """The picture is whole as soon as it is written."""
