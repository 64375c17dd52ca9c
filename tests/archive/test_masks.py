"""Videos of masks read back what was written, bit for bit."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

from edgeseg.archive.masks import MaskVideo, read_classes, read_masks
from edgeseg.errors import SourceError
from edgeseg.spec import Head, Spec
from edgeseg.video.masks import PARAMETERS

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=30)
@given(st.lists(SIZES, min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.booleans())
def test_masks_are_lossless(spec: Spec, sizes: list[tuple[int, int]], seed: int, exclusive: bool) -> None:
    """Of any size, and of another one in the next frame; at times that are too close too."""
    random = np.random.default_rng(seed)
    if not exclusive:
        spec = replace(spec, head=Head("multi-label", exclusive=False))
    shapes = [size if exclusive else (len(spec.classes), *size) for size in sizes]
    masks = [random.integers(0, 256 if exclusive else 2, shape, np.uint8) for shape in shapes]
    times = np.cumsum([0.0, *random.choice([0.0, 1e-6, 1 / 30, 5.0], len(masks) - 1)]).tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a: b%d.mov")
        with MaskVideo(path, spec, sizes[0][1], sizes[0][0], Fraction(30)) as video:
            for mask, seconds in zip(masks, times, strict=True):
                planes = [mask] if exclusive else [255 * plane for plane in mask]
                pictures = [cv2.imencode(".png", plane, PARAMETERS)[1].tobytes() for plane in planes]
                video.write(pictures, seconds)
        found = list(read_masks(path))
        assert [each["name"] for each in read_classes(path)] == list(spec.classes)
    assert len(found) == len(masks)
    for (seconds, mask), expected, time in zip(found, masks, times, strict=True):
        assert np.array_equal(mask, expected)
        assert seconds == pytest.approx(time, abs=len(masks) / 90000)
    assert all(one[0] < other[0] for one, other in itertools.pairwise(found))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.mov"
    for read in (lambda: list(read_masks(path)), lambda: read_classes(path)):
        with pytest.raises(SourceError, match="masks"):
            read()
    path.write_bytes(b"no video")
    with pytest.raises(SourceError, match="masks"):
        list(read_masks(path))
    from tests.archive.conftest import write_video

    write_video(path, 3)
    with pytest.raises(SourceError, match="holds no masks of edgeseg"):
        list(read_masks(path))
    with pytest.raises(SourceError, match="no video of masks"):
        read_classes(path)
