"""Frames between two processes: every one arrives as it was, no slot is used twice, none is lost for good."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edgeseg.arrays import Image
from edgeseg.video.supervised.memory import RESERVE, SLOTS, FrameReader, FrameWriter


def picture(seed: int, size: tuple[int, int]) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


class Transfers(RuleBasedStateMachine):
    """Frames of several sizes go through; the reader keeps some, lets go of others, and looks at parts of them."""

    @initialize()
    def begin(self) -> None:
        self.writer = FrameWriter()
        self.reader: FrameReader | None = None
        self.kept: list[tuple[Image, Image]] = []
        self.sent = 0

    @rule(size=st.sampled_from([(4, 6), (5, 7), (48, 64), (1, 1)]), crop=st.booleans())
    def send(self, size: tuple[int, int], crop: bool) -> None:
        self.sent += 1
        original = picture(self.sent, size)
        placed = self.writer.put(original)
        assert placed is not None
        slot, handle = placed
        if handle is not None:
            self.reader = FrameReader(handle)
            os.close(handle)
        assert self.reader is not None
        image = self.reader.take(slot, *size)
        self.kept.append((image[: size[0] // 2 + 1, 1:] if crop else image, original))
        if crop:
            self.kept[-1] = (self.kept[-1][0], original[: size[0] // 2 + 1, 1:])

    @rule(place=st.integers(0, 2**16))
    def let_go(self, place: int) -> None:
        if self.kept:
            del self.kept[place % len(self.kept)]

    @rule()
    def draw(self) -> None:
        """The frame is the reader's own."""
        if self.kept:
            image, original = self.kept[-1]
            image[...] = 7
            original[...] = 7

    @invariant()
    def what_is_kept_stays_as_it_was(self) -> None:
        assert all(np.array_equal(image, original) for image, original in self.kept)


TestTransfers = Transfers.TestCase


def test_a_slot_is_free_again_when_the_last_view_of_it_is_gone() -> None:
    writer = FrameWriter()
    placed = writer.put(picture(0, (48, 64)))
    assert placed is not None
    slot, handle = placed
    assert handle is not None
    reader = FrameReader(handle)
    os.close(handle)
    image = reader.take(slot, 48, 64)
    view = image[4:, ::2].data
    del image
    gc.collect()
    following = writer.put(picture(1, (48, 64)))
    assert following == (slot + 1, None)
    view.release()
    gc.collect()
    assert writer.put(picture(2, (48, 64))) == (slot, None)


def test_whoever_keeps_all_frames_gets_copies_and_the_child_goes_on() -> None:
    writer = FrameWriter()
    reader: FrameReader | None = None
    kept = []
    for number in range(3 * SLOTS):
        placed = writer.put(picture(number, (4, 6)))
        assert placed is not None
        slot, handle = placed
        if handle is not None:
            reader = FrameReader(handle)
            os.close(handle)
        assert reader is not None
        kept.append(reader.take(slot, 4, 6))
    assert slot >= SLOTS - RESERVE
    assert all(np.array_equal(image, picture(number, (4, 6))) for number, image in enumerate(kept))


def test_without_a_free_slot_there_is_no_place() -> None:
    writer = FrameWriter()
    places = [writer.put(picture(number, (4, 6))) for number in range(SLOTS + 1)]
    assert all(place is not None for place in places[:SLOTS])
    assert places[SLOTS] is None
    assert places[0] is not None
    assert places[0][1] is not None
    os.close(places[0][1])


@pytest.mark.parametrize(
    ("slot", "height", "width"), [(-1, 4, 6), (SLOTS, 4, 6), (0, 4000, 6000), (0, -4, -6), (0, 0, 6)]
)
def test_a_child_gone_mad_reads_nothing_that_is_not_there(slot: int, height: int, width: int) -> None:
    writer = FrameWriter()
    placed = writer.put(picture(0, (4, 6)))
    assert placed is not None
    assert placed[1] is not None
    reader = FrameReader(placed[1])
    os.close(placed[1])
    with pytest.raises(ValueError, match="no frame"):
        reader.take(slot, height, width)
