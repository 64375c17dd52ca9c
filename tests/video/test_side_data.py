"""Frames that carry what PyAV has no name for."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.video.open import open_source
from tests.video.test_geometry import quadrants

PIL = pytest.importorskip("PIL.Image", reason="Pillow writes these files")

ORIENTATION = 0x0112
"""EXIF's tag."""


def jpeg(orientation: int) -> bytes:
    """The picture that is stored so, with EXIF as cameras write it."""
    exif = PIL.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    PIL.fromarray(np.ascontiguousarray(quadrants()[..., ::-1])).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


@pytest.mark.parametrize("extension", ["avi", "mov", "mkv"])
@pytest.mark.parametrize(("orientation", "quarters"), [(1, 0), (6, -1)])
def test_motion_jpeg_with_exif_is_upright(tmp_path: Path, orientation: int, quarters: int, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for number in range(5):
            packet = av.Packet(jpeg(orientation))
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 25)
            packet.is_keyframe = True
            container.mux(packet)
    with open_source(path) as source:
        frames = [frame.image for frame in source]
    expected = np.rot90(quadrants(), quarters)
    assert len(frames) == 5
    assert all(np.abs(image.astype(int) - expected).mean() < 4 for image in frames)
