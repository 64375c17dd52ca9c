"""The flicker figure on videos whose answer is known by construction, and its rule against the rule written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg.video.source import Frame
from edgeseg_bench import flicker

WIDTH, HEIGHT, COUNT = 100, 20, 12


class Blue:
    """An engine whose two logits lie 2 (blue - 126.6) apart: class 1 where a pixel has more blue."""

    name = "blue"
    threads = 1

    def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
        blue = tensor[..., 0].astype(np.float32) - np.float32(126.6)
        return np.stack([-blue, blue], axis=1)

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture
def model(spec: Spec) -> Segmenter:
    """Of logits as fine as the frames."""
    exact = replace(
        spec, width=WIDTH, height=HEIGHT, stride=1, classes=("less", "more"), palette=((0, 0, 0), (1, 1, 1))
    )
    return Segmenter(exact, Blue())


def video(noise: tuple[int, int], stripe: tuple[int, int]) -> Iterator[Frame]:
    """Grey but for 20 columns that alternate by as much as noise does, and the last column, which visibly does."""
    for index in range(COUNT):
        image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
        image[:, :20] = noise[index % 2]
        image[:, -1] = stripe[index % 2]
        yield Frame(index, image, index / 25, 0.0, 0.0)


def test_a_trembling_part_is_counted_and_one_that_moves_is_not(model: Segmenter) -> None:
    """The part is at -1.4 +- 4 about the border; an average has (1 - w) / (1 + w) of that: 2.15, 1 and 0.21."""
    found = flicker.measure(model, video((132, 124), (255, 0)))
    still = WIDTH - 1 - flicker.REACH
    assert found["frames"] == COUNT - 1
    assert found["unchanged"] == pytest.approx(still / WIDTH)
    assert found["plain"] == pytest.approx(20 / still)
    assert [each["weight"] for each in found["smooth"]] == [0.3, 0.6, 0.9]
    assert [each["flicker"] for each in found["smooth"]] == [pytest.approx(20 / still), 0, 0]
    # the average stays on the stripe's first side at 0.9: it is late in each other frame, six of the eleven
    assert found["smooth"][2]["lag"] == pytest.approx(6 / (COUNT - 1) / (1 + flicker.REACH))


def test_a_still_picture_has_no_flicker_and_no_lag(model: Segmenter) -> None:
    found = flicker.measure(model, video((200, 200), (9, 9)))
    assert (found["unchanged"], found["plain"]) == (1, 0)
    assert [(each["flicker"], each["lag"]) for each in found["smooth"]] == [(0, None)] * 3


def test_more_than_noise_is_a_change(model: Segmenter) -> None:
    darker, brighter = 120, 120 + flicker.NOISE
    kept = flicker.measure(model, video((darker, brighter), (9, 9)))
    assert (kept["unchanged"], kept["plain"]) == (1, 0.2)
    changed = flicker.measure(model, video((darker, brighter + 1), (9, 9)))
    assert changed["unchanged"] == pytest.approx((80 - flicker.REACH) / 100)
    assert changed["plain"] == 0


@pytest.mark.parametrize("sizes", [[], [(20, 100)], [(20, 100), (40, 100)]])
def test_without_neighbours_of_one_size_there_is_no_figure(model: Segmenter, sizes: list[tuple[int, int]]) -> None:
    frames = [Frame(at, np.zeros((*size, 3), np.uint8), 0.0, 0.0, 0.0) for at, size in enumerate(sizes)]
    found = flicker.measure(model, frames)
    assert (found["frames"], found["unchanged"], found["plain"]) == (0, None, None)


def test_of_labels_that_overlap_any_may_change() -> None:
    mask = np.zeros((2, 2, 2), np.uint8)
    other = mask.copy()
    other[1, 0, 1] = 1
    assert flicker._differ(mask, other).tolist() == [[False, True], [False, False]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30), st.integers(0, 3))
def test_the_rule_is_that_of_the_docstring(seed: int, height: int, width: int, changes: int) -> None:
    random = np.random.default_rng(seed)
    before = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    now = np.clip(before.astype(int) + random.integers(-9, 10, before.shape), 0, 255).astype(np.uint8)
    for _ in range(changes):
        now[random.integers(height), random.integers(width), random.integers(3)] = random.integers(256)
    far = np.abs(now.astype(int) - before.astype(int)) > flicker.NOISE
    expected = [
        [
            not far[
                max(0, y - flicker.REACH) : y + flicker.REACH + 1, max(0, x - flicker.REACH) : x + flicker.REACH + 1
            ].any()
            for x in range(width)
        ]
        for y in range(height)
    ]
    assert flicker.unchanged(before, now).tolist() == expected
