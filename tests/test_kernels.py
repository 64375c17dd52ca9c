from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg import _native, kernels
from edgeseg.errors import FrameError
from edgeseg.spec import Rect

Array = NDArray[Any]

sizes = st.integers(1, 60)
seeds = st.integers(0, 2**32 - 1)
few_classes, few_channels = st.integers(1, 12), st.integers(1, 4)
thorough = settings(max_examples=100, deadline=None)


@pytest.fixture(scope="module", params=_native.instruction_sets())
def _every_instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _native.instruction_set()
    _native.set_instruction_set(request.param)
    yield
    _native.set_instruction_set(before)


every_instruction_set = pytest.mark.usefixtures("_every_instruction_set")


@st.composite
def frames(draw: st.DrawFn, channels: st.SearchStrategy[int] = few_channels) -> Array:
    """Frames, some of them views that are cut out, mirrored or transposed."""
    height, width, depth = draw(sizes), draw(sizes), draw(channels)
    random = np.random.default_rng(draw(seeds))
    large = random.integers(0, 256, (height + 3, width + 3, depth + 1), dtype=np.uint8)
    views: list[Array] = [
        large[:height, :width, :depth].copy(),
        large[2 : 2 + height, 1 : 1 + width, :depth].copy()[::-1],
        np.ascontiguousarray(large[..., :depth])[1 : 1 + height, 2 : 2 + width],
        large[:height, :width, 1:],
        large[:height, width - 1 :: -1, :depth] if width > 1 else large[:height, :1, :depth],
    ]
    return draw(st.sampled_from(views))


@st.composite
def logits(draw: st.DrawFn, classes: st.SearchStrategy[int] = few_classes) -> Array:
    """Logits of regions with noise, like a network's; some rounded, so that ties are everywhere."""
    count, height, width = draw(classes), draw(st.integers(1, 20)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(seeds))
    block = draw(st.integers(1, 6))
    regions = random.integers(0, count, (height // block + 1, width // block + 1))
    regions = np.kron(regions, np.ones((block, block), int))[:height, :width]
    values = random.normal(size=(count, height, width)) + draw(st.sampled_from([0, 2, 8])) * (
        regions == np.arange(count)[:, None, None]
    )
    if draw(st.booleans()):
        values = np.round(values)
    return np.asarray(values * draw(st.sampled_from([1, 1e-3, 100])), np.float32)


@st.composite
def rects(draw: st.DrawFn, values: Array) -> Rect | None:
    """The whole grid, a part of it, or a rectangle that sticks out of it."""
    if draw(st.booleans()):
        return None
    height, width = values.shape[1:]
    place = st.floats(-3, 3, allow_subnormal=False)
    x, y = draw(place), draw(place)
    return Rect(x, y, draw(st.floats(0.1, width + 3)), draw(st.floats(0.1, height + 3)))


def interpolated(values: Array, width: int, height: int, rect: Rect | None, dtype: type[np.floating[Any]]) -> Array:
    """(C, height, width) by the formula of `kernels.argmax`, in float64, or in float32 step by step as the kernels."""
    x, y, across, down = rect or Rect(0, 0, values.shape[2], values.shape[1])
    values = (np.stack([np.zeros_like(values[0]), values[0]]) if len(values) == 1 else values).astype(dtype)

    def sampled(count: int, origin: float, extent: float, size: int) -> tuple[Array, Array, Array, Array]:
        position = np.clip(origin + (np.arange(count) + 0.5) * extent / count - 0.5, 0, size - 1)
        low = np.minimum(position.astype(int), max(size - 2, 0))
        high = np.minimum(low + 1, size - 1)
        return low, high, (1 - (position - low)).astype(dtype), (position - low).astype(dtype)

    low, high, w0, w1 = sampled(height, y, down, values.shape[1])
    values = w0[:, None] * values[:, low] + w1[:, None] * values[:, high]
    low, high, w0, w1 = sampled(width, x, across, values.shape[2])
    return np.asarray(w0 * values[:, :, low] + w1 * values[:, :, high])


def best_two(values: Array) -> tuple[Array, Array]:
    ordered = np.sort(values, axis=0)
    return ordered[-1], ordered[-2]


@every_instruction_set
class TestResize:
    @thorough
    @given(frames(), sizes, sizes)
    def test_equals_opencv_bit_for_bit(self, frame: Array, width: int, height: int) -> None:
        expected = cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        assert np.array_equal(kernels.resize(frame, width, height), expected.reshape(height, width, -1))

    @pytest.mark.parametrize("size", [(480, 360), (481, 719), (1, 360), (2000, 3)])
    def test_equals_opencv_at_video_size(self, size: tuple[int, int]) -> None:
        frame = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
        expected = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR_EXACT)
        assert np.array_equal(kernels.resize(frame, *size), expected)

    def test_writes_into_a_part_of_a_larger_array(self) -> None:
        frame = np.random.default_rng(0).integers(1, 256, (9, 11, 3), dtype=np.uint8)
        canvas = np.zeros((20, 30, 3), np.uint8)
        kernels.resize(frame, 25, 12, out=canvas[:12, :25])
        assert np.array_equal(canvas[:12, :25], kernels.resize(frame, 25, 12))
        assert not canvas[12:].any()
        assert not canvas[:, 25:].any()


@every_instruction_set
class TestArgmax:
    @thorough
    @given(st.data(), logits(), sizes, sizes)
    def test_equals_float64_away_from_ties(self, data: st.DataObject, values: Array, width: int, height: int) -> None:
        rect = data.draw(rects(values))
        exact = interpolated(values, width, height, rect, np.float64)
        best, second = best_two(exact)
        clear = best - second > 1e-5 * np.abs(values).max()
        mask = kernels.argmax(values, width, height, rect)
        assert np.array_equal(mask[clear], exact.argmax(0)[clear])

    @thorough
    @given(st.data(), logits(), sizes, sizes)
    def test_pruned_equals_unpruned_unless_tied(
        self, data: st.DataObject, values: Array, width: int, height: int
    ) -> None:
        rect = data.draw(rects(values))
        best, second = best_two(interpolated(values, width, height, rect, np.float32))
        mask = kernels.argmax(values, width, height, rect)
        unpruned = kernels.argmax_unpruned(values, width, height, rect)
        assert np.array_equal(mask[best != second], unpruned[best != second])

    @thorough
    @given(st.data(), logits(), sizes, sizes)
    def test_unpruned_rounds_as_float32_does(self, data: st.DataObject, values: Array, width: int, height: int) -> None:
        rect = data.draw(rects(values))
        expected = interpolated(values, width, height, rect, np.float32)
        assert expected.dtype == np.float32
        assert np.array_equal(kernels.argmax_unpruned(values, width, height, rect), expected.argmax(0))

    @settings(thorough, max_examples=30)
    @given(logits(st.integers(1, 255)))
    def test_takes_every_number_of_classes(self, values: Array) -> None:
        mask = kernels.argmax(values, 50, 40)
        expected = interpolated(values, 50, 40, None, np.float32)
        best, second = best_two(expected)
        assert np.array_equal(mask[best != second], expected.argmax(0)[best != second])

    def test_a_tie_goes_to_the_lower_class(self) -> None:
        assert not kernels.argmax(np.ones((3, 2, 2), np.float32), 8, 8).any()
        crossing = np.array([[[1, -1]], [[-1, 1]]], np.float32)
        assert kernels.argmax(crossing, 3, 1).tolist() == [[0, 0, 1]]

    def test_one_channel_is_class_1_above_0(self) -> None:
        values = np.array([[[-1.0, 0.0, 2.0]]], np.float32)
        assert kernels.argmax(values, 3, 1).tolist() == [[0, 0, 1]]

    def test_a_rect_is_what_a_cut_out_shows(self) -> None:
        values = np.random.default_rng(0).normal(size=(5, 12, 16)).astype(np.float32)
        whole = kernels.argmax_unpruned(values, 160, 120)
        part = kernels.argmax_unpruned(values, 70, 40, Rect(3.0, 2.0, 7.0, 4.0))
        assert np.array_equal(part, whole[20:60, 30:100])

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("place", [(0, 0, 0), (2, 3, 4), (1, 6, 12)])
    def test_refuses_what_is_not_finite(self, bad: float, place: tuple[int, int, int]) -> None:
        values = np.zeros((3, 7, 13), np.float32)
        values[place] = bad
        out = np.full((5, 5), 9, np.uint8)
        with pytest.raises(FrameError, match="logits hold NaN or infinity"):
            kernels.argmax(values, 5, 5, out=out)
        assert (out == 9).all()
        with pytest.raises(FrameError, match="logits hold NaN or infinity"):
            kernels.margin(values, 5, 5)
        with pytest.raises(FrameError, match="logits hold NaN or infinity"):
            kernels.overlay(values, np.zeros((5, 5, 3), np.uint8), np.zeros((3, 3), np.uint8))


@every_instruction_set
@thorough
@given(st.data(), logits(), sizes, sizes)
def test_margin_rounds_as_float32_does(data: st.DataObject, values: Array, width: int, height: int) -> None:
    rect = data.draw(rects(values))
    best, second = best_two(interpolated(values, width, height, rect, np.float32))
    margin = kernels.margin(values, width, height, rect)
    assert np.array_equal(margin, best - second)
    best, second = best_two(interpolated(values, width, height, rect, np.float64))
    assert np.allclose(margin, best - second, rtol=0, atol=1e-5 * np.abs(values).max())


@every_instruction_set
class TestOverlay:
    @thorough
    @given(st.data(), frames(st.just(3)), logits(), st.floats(0, 1), seeds)
    def test_equals_the_blend_of_the_argmax(
        self, data: st.DataObject, frame: Array, values: Array, alpha: float, seed: int
    ) -> None:
        rect = data.draw(rects(values))
        palette = np.random.default_rng(seed).integers(0, 256, (12, 3), dtype=np.uint8)
        height, width = frame.shape[:2]
        mask = np.empty((height, width), np.uint8)
        painted = kernels.overlay(values, frame, palette, alpha, rect, mask=mask)
        assert np.array_equal(mask, kernels.argmax(values, width, height, rect))
        assert np.array_equal(painted, kernels.blend(mask, frame, palette, alpha))
        assert np.array_equal(painted, kernels.overlay(values, frame, palette, alpha, rect))

    @thorough
    @given(frames(st.just(3)), st.floats(0, 1), seeds)
    def test_blend_is_the_documented_formula(self, frame: Array, alpha: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        palette = random.integers(0, 256, (5, 3), dtype=np.uint8)
        mask = random.integers(0, 5, frame.shape[:2], dtype=np.uint8)
        a = int(np.floor(256 * alpha + 0.5))
        expected = (frame.astype(int) * (256 - a) + palette[mask].astype(int) * a + 128) >> 8
        assert np.array_equal(kernels.blend(mask, frame, palette, alpha), expected)

    def test_may_write_over_the_frame(self) -> None:
        random = np.random.default_rng(0)
        frame = random.integers(0, 256, (37, 53, 3), dtype=np.uint8)
        values = random.normal(size=(4, 9, 13)).astype(np.float32)
        palette = random.integers(0, 256, (4, 3), dtype=np.uint8)
        expected = kernels.overlay(values, frame, palette)
        kernels.overlay(values, frame, palette, out=frame)
        assert np.array_equal(frame, expected)


@thorough
@given(st.data(), logits(st.integers(1, 40)), frames(st.just(3)))
def test_all_instruction_sets_give_the_same_bits(data: st.DataObject, values: Array, frame: Array) -> None:
    rect = data.draw(rects(values))
    palette = np.random.default_rng(0).integers(0, 256, (40, 3), dtype=np.uint8)
    height, width = frame.shape[:2]
    before, sets = _native.instruction_set(), []
    try:
        for name in _native.instruction_sets():
            _native.set_instruction_set(name)
            results = (
                kernels.resize(frame, 33, 17),
                kernels.argmax(values, width, height, rect),
                kernels.argmax_unpruned(values, width, height, rect),
                kernels.margin(values, width, height, rect),
                kernels.overlay(values, frame, palette, 0.3, rect),
            )
            sets.append([result.tobytes() for result in results])
    finally:
        _native.set_instruction_set(before)
    assert all(results == sets[0] for results in sets)


def test_an_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(ValueError, match="does not run the instruction set mmx"):
        _native.set_instruction_set("mmx")


def test_takes_logits_in_any_memory_order() -> None:
    values = np.random.default_rng(0).normal(size=(7, 9, 4)).astype(np.float32)
    expected = kernels.argmax(np.ascontiguousarray(values.transpose(2, 0, 1)), 31, 29)
    assert np.array_equal(kernels.argmax(values.transpose(2, 0, 1), 31, 29), expected)
    assert np.array_equal(kernels.argmax(values.transpose(2, 0, 1)[None], 31, 29), expected)


def test_threads_do_not_disturb_each_other() -> None:
    random = np.random.default_rng(0)
    jobs = [
        (random.normal(size=(11, 30, 40)).astype(np.float32), random.integers(0, 256, (200, 300, 3), dtype=np.uint8))
        for _ in range(8)
    ]
    palette = random.integers(0, 256, (11, 3), dtype=np.uint8)

    def run(job: tuple[Array, Array]) -> bytes:
        values, frame = job
        painted = kernels.overlay(values, kernels.resize(frame, 320, 240), palette)
        return painted.tobytes() + kernels.margin(values, 99, 77).tobytes()

    expected = [run(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, jobs * 10)) == expected * 10
