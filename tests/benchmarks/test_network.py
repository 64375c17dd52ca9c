"""Numbers in pictures survive the codec; a stream's masks are matched with them."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.errors import SourceError, UsageError
from edgeseg.segmenter import load
from edgeseg_bench import network, sender


@given(
    st.integers(0, 65535),
    arrays.arrays(np.uint8, st.tuples(st.integers(32, 40), st.integers(256, 270), st.just(3)), elements=st.just(77)),
    st.integers(-60, 60),
)
def test_a_number_is_read_back_in_spite_of_noise(number: int, image: NDArray[np.uint8], noise: int) -> None:
    sender.burn(image, number)
    assert sender.read(image) == number
    shifted = np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)
    assert sender.read(shifted) == number


def test_a_damaged_number_is_none() -> None:
    image = np.zeros((64, 256, 3), np.uint8)
    assert sender.read(image) is None
    sender.burn(image, 5)
    image[:16, :16] = 0  # a bit and its complement are now equal
    assert sender.read(image) is None


@pytest.mark.parametrize("sent", [1, 2, 13, 30])
def test_each_chunk_completes_its_frame(video: Path, sent: int) -> None:
    chunks = sender.encode(video, 30, Fraction(25))  # the video has 12 frames
    assert len(chunks) == 30
    with av.open(io.BytesIO(b"".join(chunks[:sent])), "r", format="matroska") as container:
        pictures = [frame.to_ndarray(format="bgr24", threads=1) for frame in container.decode(video=0)]
    assert [sender.read(np.asarray(picture, np.uint8)) for picture in pictures] == list(range(sent))


def test_masks_are_counted_from_the_senders_clock(video: Path, tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SETTLING", 1.0)
    monkeypatch.setattr(network, "WINDOWS", 2)
    windows = network.measure(load(tiny, threads=1), video, fps=50, frames=40, mode="throughput")
    assert len(windows) == 2
    for window in windows:
        assert len(window.ms) + window.dropped == 40
        assert min(window.ms) > 0
    assert windows[1].core_seconds > 0


def test_a_sender_that_fails_is_one_sentence(tiny: Bundle, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the sender of the measured stream failed"):
        network.measure(load(tiny, threads=1), tmp_path / "missing.mp4", fps=50, frames=10, mode="latency")


def test_too_many_frames_to_number(tiny: Bundle, video: Path) -> None:
    with pytest.raises(UsageError, match="too many to number"):
        network.measure(load(tiny, threads=1), video, fps=25, frames=20000, mode="latency")
