"""Colour matrices beside the usual ones, which tests/video/test_geometry.py holds to the standard's formulae."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from tests.video.test_geometry import Image, quadrants


def write(path: Path, matrix: int, form: str = "yuv420p", *, transfer: int = 2) -> None:
    """A video that says it has that matrix and transfer; what is stored is always the same."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, form
        video.codec_context.colorspace, video.codec_context.color_trc = matrix, transfer
        frame = av.VideoFrame.from_ndarray(quadrants(), format="bgr24").reformat(format=form)
        frame.colorspace, frame.color_trc = matrix, transfer
        container.mux(video.encode(frame))
        container.mux(video.encode(None))


def shown(path: Path, matrix: int, form: str = "yuv420p") -> Image:
    """The first frame of such a video."""
    write(path, matrix, form)
    with open_source(path) as source:
        return next(source).image


def test_constant_luminance_has_the_coefficients_of_bt2020(tmp_path: Path) -> None:
    assert (shown(tmp_path / "a.mkv", 10) == shown(tmp_path / "b.mkv", 9)).all()


def test_luma_and_chroma_that_call_themselves_rgb_are_as_without_a_matrix(tmp_path: Path) -> None:
    assert (shown(tmp_path / "a.mkv", 0) == shown(tmp_path / "b.mkv", 2)).all()


@pytest.mark.parametrize("matrix", [8, *range(11, 18)])
def test_a_matrix_that_ffmpeg_lacks_is_named(tmp_path: Path, matrix: int) -> None:
    with pytest.raises(SourceError, match=rf"names the colour matrix {matrix} \(of ITU-T H.273\), which .* zscale"):
        shown(tmp_path / "a.mkv", matrix)


@pytest.mark.parametrize("form", ["gray", "bgr0"])
def test_what_has_no_chroma_needs_no_matrix(tmp_path: Path, form: str) -> None:
    assert np.abs(shown(tmp_path / "a.mkv", 8, form).astype(int) - shown(tmp_path / "b.mkv", 2, form)).max() == 0


@pytest.mark.parametrize(("transfer", "kind"), [(1, None), (14, None), (16, "PQ"), (18, "HLG")])
def test_a_high_dynamic_range_is_said(tmp_path: Path, transfer: int, kind: str | None) -> None:
    write(path := tmp_path / "a.mkv", 9, transfer=transfer)
    with open_source(path) as source:
        list(source)
    assert [warning.partition(":")[0] for warning in source.warnings] == ([f"{path} is HDR ({kind})"] if kind else [])


@pytest.mark.parametrize(
    ("brightest", "bits"), [(65535, None), (2**14 - 1, 14), (2**12 - 1, 12), (1023, 10), (0, None)]
)
@pytest.mark.parametrize("form", ["gray16le", "rgb48le"])
def test_bits_that_a_video_does_not_use_are_said(tmp_path: Path, form: str, brightest: int, bits: int | None) -> None:
    levels = np.linspace(0, brightest, 64 * 96).astype(np.uint16).reshape(64, 96)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, form
        for picture in (0 * levels, levels):  # the first may be black
            stored = picture if form == "gray16le" else picture[..., None].repeat(3, 2)
            container.mux(video.encode(av.VideoFrame.from_ndarray(stored, format=form)))
        container.mux(video.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        assert len(list(source)) == 2
    said = [warning for warning in source.warnings if f"of which {bits} are used" in warning]
    assert len(source.warnings) == len(said) == (bits is not None)


@pytest.mark.parametrize(("levels", "form"), [((0, 255), "gray"), ((16, 235), "gray"), ((16, 235), "gray10le")])
def test_grey_has_the_range_that_it_names(tmp_path: Path, levels: tuple[int, int], form: str) -> None:
    limited = levels == (16, 235)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 8, 8, form
        video.codec_context.color_range = 1 if limited else 2
        stored = np.tile(np.array([levels[0], sum(levels) // 2, levels[1], levels[0] // 2], np.uint16), (8, 2))
        scaled = stored.astype(np.uint8) if form == "gray" else 4 * stored
        container.mux(video.encode(av.VideoFrame.from_ndarray(scaled, format=form)))
        container.mux(video.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        image = next(source).image
    assert image[0, :4, 1].tolist() == [0, 127, 255, 0]
