"""JPEGs that draw over themselves, and those without their end mark."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import DataError
from edgeseg.jpeg import END, jpeg_scans, with_end
from edgeseg.picture import decode_picture

PATH = Path("a.jpg")


def encoded(*options: int) -> bytes:
    """Noise above flat grey, of a size that is no multiple of a block's."""
    image = np.full((90, 101, 3), 128, np.uint8)
    image[:40] = np.random.default_rng(0).integers(0, 256, (40, 101, 3), np.uint8)
    return cv2.imencode(".jpg", image, options)[1].tobytes()


def test_one_that_draws_over_itself_for_ever_is_refused() -> None:
    content = encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scan = content[content.rindex(b"\xff\xda") : -2]
    assert 1 < jpeg_scans(content) <= 12
    preview = b"\xff\xe1" + struct.pack(">H", 2 + 400) + b"\xff\xda" * 200
    assert jpeg_scans(content[:2] + preview + content[2:] + scan * 200) == jpeg_scans(content)
    with pytest.raises(DataError, match=r"is a JPEG of 10\d scans, expected at most 100"):
        decode_picture(content[:-2] + scan * 98 + content[-2:], PATH)


@pytest.mark.parametrize(
    "options", [(), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2), (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111)]
)
def test_one_without_its_end_mark_is_whole_and_one_that_is_cut_is_not(options: tuple[int, ...]) -> None:
    content = encoded(*options)
    assert content.endswith(END)
    assert with_end(content) is content
    for whole in (content[:-2], content[:-1], content[:-2] + bytes(5000)):
        np.testing.assert_array_equal(decode_picture(whole, PATH).image, decode_picture(content, PATH).image)
    coded = content.index(b"\xff\xda")
    restarts = [place for place in range(coded, len(content)) if content[place : place + 1] == b"\xff"]
    for cut in [20, coded, coded + 20, *restarts[2:-1], *range(len(content) - 12, len(content) - 2)]:
        assert with_end(content[:cut]) is None, cut
    for cut_off in (content[:-3], content[:2000] + bytes(60_000)):
        with pytest.raises(DataError, match="is it cut off"):
            decode_picture(cut_off, PATH)


def test_one_of_several_scans_may_lack_the_last() -> None:
    assert with_end(encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1)[:-2]) is None


def test_what_lies_behind_the_picture_is_passed_over() -> None:
    """Phones write a video there (motion photos), cameras larger previews: bytes of any kind, markers among them."""
    content = encoded()
    behind = content + b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x08" * 3
    assert with_end(behind) is behind
    np.testing.assert_array_equal(decode_picture(behind, PATH).image, decode_picture(content, PATH).image)
    progressive = encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert with_end(progressive + content[:-2]) == progressive + content[:-2]
