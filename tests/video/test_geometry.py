"""What a video says about its shape is kept: square pixels, turns, mirrors; and its colours."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.video.geometry import orientation, oriented, square_size
from edgeseg.video.open import open_source

Image = NDArray[np.uint8]

MATRICES = {
    "upright": (1, 0, 0, 1),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "half turn": (-1, 0, 0, -1),
    "quarter turn": (0, 1, -1, 0),
    "three quarters": (0, -1, 1, 0),
    "transposed": (0, 1, 1, 0),
    "transversed": (0, -1, -1, 0),
}


def quadrants(width: int = 96, height: int = 64) -> Image:
    """A picture whose corners differ: blue, green, red, white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2, 0] = 200
    image[: height // 2, width // 2 :, 1] = 200
    image[height // 2 :, : width // 2, 2] = 200
    image[height // 2 :, width // 2 :] = 200
    return image


def matrix(a: float, b: float, c: float, d: float) -> bytes:
    fixed = [round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)]
    return struct.pack("=9i", *fixed, 1 << 30)


def shown(image: Image, a: int, b: int, c: int, d: int) -> Image:
    """The picture as the matrix says, pixel by pixel: (x, y) goes to (a x + c y, b x + d y)."""
    height, width = image.shape[:2]
    turned = np.zeros((width, height, 3) if b else (height, width, 3), np.uint8)
    ends = [(a * x + c * y, b * x + d * y) for x, y in itertools.product((0, width - 1), (0, height - 1))]
    left, top = min(x for x, _ in ends), min(y for _, y in ends)
    for y, x in itertools.product(range(height), range(width)):
        turned[b * x + d * y - top, a * x + c * y - left] = image[y, x]
    return turned


@pytest.mark.parametrize("values", MATRICES.values(), ids=MATRICES)
def test_every_matrix_of_right_angles(values: tuple[int, int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    actual = orientation(matrix(*values))
    assert actual is not None
    assert (oriented(image, actual) == shown(image, *values)).all()


@given(st.floats(1.5, 88.5), st.integers(0, 3))
def test_other_angles_are_none(degrees: float, quarters: int) -> None:
    angle = np.deg2rad(degrees + 90 * quarters)
    assert orientation(matrix(np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle))) is None


@given(st.integers(1, 4000), st.integers(1, 4000), st.fractions(Fraction(1, 8), Fraction(8)))
def test_square_pixels_lose_nothing(width: int, height: int, aspect: Fraction) -> None:
    wide, high = square_size(width, height, aspect)
    assert wide >= width
    assert high >= height
    assert abs(wide - float(high * width * aspect / height)) <= max(wide, high) / min(width, height) + wide / 199


@pytest.mark.parametrize("aspect", [None, Fraction(1), Fraction(0), Fraction(1, 100), Fraction(100), Fraction("1.001")])
def test_pixels_that_stay(aspect: Fraction | None) -> None:
    assert square_size(640, 480, aspect) == (640, 480)


def write(path: Path, image: Image, turn: Sequence[int] | None = None, aspect: Fraction = Fraction(1)) -> Path:
    """Thirty frames of the picture."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "1"})
        video.height, video.width = image.shape[:2]
        video.pix_fmt = "yuv444p"
        if turn is not None:
            if not hasattr(video, "set_display_matrix"):
                pytest.skip("PyAV before 18 writes no display matrix")
            video.set_display_matrix(turn)
        video.codec_context.sample_aspect_ratio = aspect
        for _ in range(30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode(None))
    return path


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
@pytest.mark.parametrize("values", MATRICES.values(), ids=MATRICES)
def test_videos_are_turned_and_mirrored(tmp_path: Path, values: tuple[int, int, int, int], extension: str) -> None:
    a, b, c, d = values
    path = write(tmp_path / f"a.{extension}", quadrants(), turn=list(struct.unpack("=9i", matrix(a, b, c, d))))
    with open_source(path) as source:
        frames = list(source)
    expected = shown(quadrants(), *values)
    assert (source.height, source.width) == expected.shape[:2]
    assert all(np.abs(frame.image.astype(int) - expected).max() < 8 for frame in frames)
    assert not source.warnings


@pytest.mark.parametrize("extension", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(2), (192, 64)),
        (Fraction(1, 2), (96, 128)),
        (Fraction(32, 27), (114, 64)),
        (Fraction(12, 11), (105, 64)),
    ],
)
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int], extension: str) -> None:
    path = write(tmp_path / f"a.{extension}", quadrants(), aspect=aspect)
    with open_source(path) as source:
        frames = list(source)
    expected = cv2.resize(quadrants(), size, interpolation=cv2.INTER_LINEAR)
    assert (source.width, source.height) == size
    assert len(frames) == 30
    assert all(np.abs(frame.image.astype(int) - expected).mean() < 4 for frame in frames)


def test_pixels_become_square_before_they_are_turned(tmp_path: Path) -> None:
    turn = list(struct.unpack("=9i", matrix(*MATRICES["quarter turn"])))
    path = write(tmp_path / "a.mp4", quadrants(), aspect=Fraction(2), turn=turn)
    with open_source(path) as source:
        assert (source.width, source.height) == (64, 192)


def test_an_odd_angle_is_said(tmp_path: Path) -> None:
    turn = list(struct.unpack("=9i", matrix(0.8, 0.6, -0.6, 0.8)))
    with open_source(write(tmp_path / "a.mp4", quadrants(), turn=turn)) as source:
        assert len(list(source)) == 30
    assert source.warnings == [
        f"{tmp_path / 'a.mp4'} is turned by an angle that is no quarter; its frames are given as they are stored"
    ]


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 0, 0), (255, 255, 255), (128, 64, 128), (9, 99, 9)]
"""Red, green, blue."""

LUMA = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593), 2: (0.299, 0.114)}
"""Weights of red and blue by ISO/IEC 23091-4's number of the matrix: BT.709, BT.601 twice, BT.2020, unsaid."""


def planes(space: int, full: bool, bits: int) -> list[NDArray[np.uint16]]:
    """Bars of the colours as Y, Cb, Cr in float64, then rounded: 30 pixels each, by the standard's own formulae."""
    red, green, blue = (np.array(COLOURS, float)[:, channel] / 255 for channel in range(3))
    of_red, of_blue = LUMA[space]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = (blue - luma) / (2 - 2 * of_blue), (red - luma) / (2 - 2 * of_red)
    scale = 2 ** (bits - 8)
    if full:
        values = [luma * (256 * scale - 1), *(each * (256 * scale - 1) + 128 * scale for each in chroma)]
    else:
        values = [(luma * 219 + 16) * scale, *((each * 224 + 128) * scale for each in chroma)]
    bars = [np.clip(np.round(each), 0, 256 * scale - 1).astype(np.uint16).repeat(30) for each in values]
    return [np.tile(each, (32, 1)) for each in bars]


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("space", LUMA)
def test_colours_are_those_of_their_matrix_and_range(tmp_path: Path, space: int, full: bool, bits: int) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 240, 32, "yuv444p10le" if bits == 10 else "yuv444p"
        video.codec_context.color_range, video.codec_context.colorspace = 2 if full else 1, space
        frame = av.VideoFrame(240, 32, video.pix_fmt)
        frame.color_range, frame.colorspace = 2 if full else 1, space
        for plane, values in zip(frame.planes, planes(space, full, bits), strict=True):
            dtype = np.dtype(np.uint16 if bits == 10 else np.uint8)
            padded = np.zeros((32, plane.line_size // dtype.itemsize), dtype)
            padded[:, :240] = values
            plane.update(padded.tobytes())
        container.mux(video.encode(frame))
        container.mux(video.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        (decoded,) = source
    seen = decoded.image[16, 15::30, ::-1].astype(int)
    assert np.abs(seen - COLOURS).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(64, 48), (66, 50), (30, 18), (101, 67), (2, 2)])
def test_sizes_that_no_buffer_is_aligned_to(tmp_path: Path, width: int, height: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = width, height, "bgr0"
        container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        (decoded,) = source
    assert (decoded.image == image).all()
    assert decoded.image.flags.c_contiguous
    decoded.image[:] = 0  # it is the caller's own
