from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import OutputError
from edgeseg.video.picture import PictureWriter


def test_picture(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    writer = PictureWriter(tmp_path / "a.png")
    assert writer.paths == []
    writer.write(image)
    writer.close()
    assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "a.png"))), image)
    assert writer.paths == [tmp_path / "a.png"]


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.mp4: it ends in \.mp4, expected \.png"):
        PictureWriter(tmp_path / "a.mp4")
    (tmp_path / "a.png").write_text("older")
    with pytest.raises(OutputError, match=r"already exists.*--overwrite"):
        PictureWriter(tmp_path / "a.png")
    with pytest.raises(OutputError, match="70000x1 pixels do not fit"):
        PictureWriter(tmp_path / "a.jpg").write(np.zeros((1, 70000, 3), np.uint8))
    assert (tmp_path / "a.png").read_text() == "older"
    PictureWriter(tmp_path / "a.png", overwrite=True).write(np.zeros((1, 1, 3), np.uint8))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
