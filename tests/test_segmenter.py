from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, FrameError
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Head, Rect, Resize, Spec

Load = Callable[[Spec], Segmenter]


@pytest.fixture(scope="module")
def load_tiny(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Bundle]) -> Callable[..., Segmenter]:
    def load_tiny(spec: Spec, channels: int | None = None) -> Segmenter:
        return load(make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", spec, channels), threads=1)

    return load_tiny


def noise(height: int, width: int, seed: int = 3) -> NDArray[np.uint8]:
    """A smooth random frame, so that classes form regions."""
    small = np.random.default_rng(seed).integers(0, 256, (max(2, height // 4), max(2, width // 4), 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def upsample(logits: NDArray[np.float32], rect: Rect, width: int, height: int) -> NDArray[np.float64]:
    """(C, height, width): bilinear, half-pixel centres, over the rectangle of the logits."""

    def axis(count: int, origin: float, extent: float, size: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        at = np.clip(origin + (np.arange(count) + 0.5) * extent / count - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, size - 1), at - low

    planes = logits[0].astype(np.float64)
    top, bottom, down = axis(height, rect.y, rect.height, planes.shape[1])
    left, right, along = axis(width, rect.x, rect.width, planes.shape[2])
    rows = planes[:, top] * (1 - down[:, None]) + planes[:, bottom] * down[:, None]
    result: NDArray[np.float64] = rows[:, :, left] * (1 - along) + rows[:, :, right] * along
    return result


RESIZES: list[Resize] = ["stretch", "letterbox"]


@settings(deadline=None, max_examples=25)
@given(width=st.integers(1, 90), height=st.integers(1, 90), resize=st.sampled_from(RESIZES))
def test_mask_and_confidence_are_those_of_a_plain_reference(
    spec: Spec, load_tiny: Load, width: int, height: int, resize: Resize
) -> None:
    model = load_tiny(replace(spec, resize=resize))
    frame = noise(height, width)
    logits = model.logits(frame)
    fine = upsample(logits, model.spec.rect(width, height), width, height)
    best, margin = fine.argmax(axis=0), np.diff(np.sort(fine, axis=0)[-2:], axis=0)[0]
    mask = model(frame)
    assert mask.shape == (height, width)
    assert mask.dtype == np.uint8
    clear = margin > 1e-3
    assert np.array_equal(mask[clear], best[clear])
    np.testing.assert_allclose(model.confidence(frame), margin, atol=1e-3)


def test_stretch_is_opencvs_exact_resize(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(50, 70)
    expected = cv2.resize(frame, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR_EXACT)
    assert np.array_equal(model.prepare(frame)[0], expected)
    assert np.array_equal(model.prepare(frame[::-1, ::-1])[0], model.prepare(frame[::-1, ::-1].copy())[0])


def test_letterbox_fills_the_rest_with_the_pad_level(spec: Spec, load_tiny: Load) -> None:
    model = load_tiny(replace(spec, resize="letterbox", pad=9))
    memory = np.full((1, spec.height, spec.width, 3), 77, np.uint8)
    for frame in (noise(20, 70), noise(70, 20)):  # the second must not see the first one's pixels
        width, height = model.spec.placement(frame.shape[1], frame.shape[0])
        expected = np.full((spec.height, spec.width, 3), 9, np.uint8)
        expected[:height, :width] = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        tensor = model.prepare(frame, out=memory)
        assert tensor is memory
        assert np.array_equal(tensor[0], expected)


def test_frames_of_the_right_size_are_not_copied(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(spec.height, spec.width)
    frame.flags.writeable = False
    tensor = model.prepare(frame)
    assert np.shares_memory(tensor, frame)
    assert np.array_equal(model(frame), model(np.asfortranarray(frame)))


def test_wrong_memory_is_refused(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(40, 50)
    right_size: Any = np.zeros((18, 30, 3), np.float32)
    with pytest.raises(FrameError, match="expected uint8 with levels 0-255"):
        model.prepare(right_size)
    other: Any = np.empty((1, 18, 30, 3), np.int8)
    for out in (
        other,
        np.empty((1, 4, 4, 3), np.uint8),
        np.empty((1, 18, 31, 3), np.uint8),
        np.empty((1, 18, 60, 3), np.uint8)[:, :, ::2],
    ):
        with pytest.raises(FrameError, match="out is"):
            model.prepare(frame, out=out)


FRAMES = [
    (None, "got a NoneType"),
    ([[1]], "got a list"),
    (np.zeros((4, 4), np.uint8), "COLOR_GRAY2BGR"),
    (np.zeros((4, 4, 1), np.uint8), "COLOR_GRAY2BGR"),
    (np.zeros((4, 4, 4), np.uint8), "COLOR_BGRA2BGR"),
    (np.zeros((3, 4, 5), np.uint8), "expected a frame"),
    (np.zeros((1, 4, 4, 3), np.uint8), "one frame at a time"),
    (np.zeros((4, 4, 3), np.float32), "expected uint8"),
    (np.zeros((0, 4, 3), np.uint8), "empty frame"),
    (np.zeros((4, 0, 3), np.uint8), "empty frame"),
    (np.zeros(3, np.uint8), "expected a frame"),
    (np.zeros((4, 3), np.uint8), "COLOR_GRAY2BGR"),
    (np.zeros((4, 4, 2), np.uint8), "expected a frame"),
    (np.zeros((3, 4, 4, 1), np.uint8), "one frame at a time"),
    (np.zeros((3, 4, 4, 4), np.uint8), "one frame at a time"),
    (np.zeros((3, 4, 1, 3), np.uint8), "one frame at a time"),
    *((np.zeros((4, 4, 3), kind), "expected uint8") for kind in (np.int8, bool)),
    (np.zeros((4, 4, 0), np.uint8), "expected a frame"),
    (np.zeros((2, 4, 3, 5), np.uint8), "one frame at a time"),
]


@pytest.mark.parametrize(("frame", "message"), FRAMES)
@pytest.mark.parametrize("call", ["__call__", "logits", "confidence", "prepare"])
def test_what_is_no_frame_is_refused(spec: Spec, load_tiny: Load, frame: Any, message: str, call: str) -> None:
    with pytest.raises(FrameError, match=message):
        getattr(load_tiny(spec), call)(frame)


def test_one_channel_means_class_one_above_zero(spec: Spec, load_tiny: Callable[..., Segmenter]) -> None:
    model = load_tiny(replace(spec, classes=("other", "road"), palette=((0, 0, 0), (128, 64, 128))), channels=1)
    frame = noise(45, 67)
    logits = model.logits(frame)
    assert logits.shape == (1, 1, 5, 8)
    fine = upsample(logits, model.spec.rect(67, 45), 67, 45)[0]
    clear = np.abs(fine) > 1e-3
    mask = model(frame)
    assert set(np.unique(mask)) == {0, 1}
    assert np.array_equal(mask[clear], fine[clear] > 0)
    np.testing.assert_allclose(model.confidence(frame), np.abs(fine), atol=1e-3)
    painted = model.overlay(logits, frame, alpha=1)
    assert np.array_equal(painted, model.palette[mask])


def test_overlay_paints_the_mask_in_the_palette(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(50, 60)
    logits, mask, out = model.logits(frame), np.empty((50, 60), np.uint8), np.empty((50, 60, 3), np.uint8)
    assert model.overlay(logits, frame, alpha=0.25, out=out, mask=mask) is out
    assert np.array_equal(mask, model(frame))
    blue, green, red = model.palette[0]
    assert (red, green, blue) == spec.palette[0]
    expected = 0.75 * frame + 0.25 * model.palette[mask]
    assert np.abs(out - expected).max() <= 1
    assert np.array_equal(model.overlay(logits, frame, alpha=0), frame)


def test_the_steps_make_the_mask(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(33, 47)
    out = np.empty((33, 47), np.uint8)
    assert model.mask(model.infer(model.prepare(frame)), 47, 33, out=out) is out
    assert np.array_equal(out, model(frame))


@pytest.mark.parametrize("resize", RESIZES)
def test_masks_have_a_size(spec: Spec, load_tiny: Load, resize: Resize) -> None:
    model = load_tiny(replace(spec, resize=resize))
    tensor = model.prepare(noise(33, 47))
    sizes: list[Any] = [(0, 33), (47, 0), (-1, 33), (47.5, 33), ("47", 33)]
    for width, height in sizes:
        for call in (model.segment, lambda tensor, *size: model.mask(model.infer(tensor), *size)):
            with pytest.raises(FrameError, match=r"got an output of .* pixels, expected whole numbers"):
                call(tensor, width, height)


@pytest.mark.parametrize("shape", [(1, 3, 4, 8), (1, 3, 5, 7), (1, 2, 5, 8), (4, 5, 8), (1, 1, 5, 8)])
def test_logits_of_another_network_are_refused(spec: Spec, load_tiny: Load, shape: tuple[int, ...]) -> None:
    model = load_tiny(spec)
    assert model.logits(noise(33, 47)).shape == (1, 3, 5, 8)
    logits = np.zeros(shape, np.float32)
    message = "but tiny gives 3 classes at stride 4 of 30x18 pixels; are they another network's"
    with pytest.raises(FrameError, match=message):
        model.mask(logits, 47, 33)
    with pytest.raises(FrameError, match=message):
        model.overlay(logits, noise(33, 47))
    assert model.mask(np.zeros((3, 5, 8), np.float32), 47, 33).shape == (33, 47)


@pytest.mark.parametrize("resize", RESIZES)
def test_threads_get_what_they_would_get_alone(spec: Spec, load_tiny: Load, resize: Resize) -> None:
    model = load_tiny(replace(spec, resize=resize))
    frames = [noise(40 + seed, 80 - seed, seed) for seed in range(48)]
    alone = [model(frame) for frame in frames]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(model, frames))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_closed_segmenters_say_so(spec: Spec, load_tiny: Load) -> None:
    model = load_tiny(spec)
    model.close()
    with pytest.raises(EngineError, match="closed"):
        model(noise(20, 20))


def overlapping(spec: Spec) -> Spec:
    return replace(spec, head=Head("multi-label", exclusive=False))


@pytest.mark.parametrize("resize", RESIZES)
def test_labels_that_may_overlap_have_a_mask_each(load_tiny: Load, spec: Spec, resize: Resize) -> None:
    model = load_tiny(overlapping(replace(spec, resize=resize)))
    frame = noise(37, 53)
    logits = model.logits(frame)
    exact = upsample(logits, model.spec.rect(53, 37), 53, 37)
    masks = model(frame)
    assert masks.shape == (3, 37, 53)
    clear = np.abs(exact) > 1e-5 * np.abs(logits).max()
    assert np.array_equal(masks[clear], (exact > 0)[clear])
    assert 0 < masks.mean() < 1
    assert (masks.sum(axis=0) > 1).any(), "a test in which none overlaps sees nothing"
    np.testing.assert_allclose(model.confidence(frame), np.abs(exact), atol=1e-4 * np.abs(logits).max())
    kept = np.empty_like(masks)
    painted = model.overlay(logits, frame, alpha=0.3, mask=kept)
    assert np.array_equal(kept, masks)
    assert np.array_equal(painted, model.paint(masks, frame, alpha=0.3))
    bare = ~masks.any(axis=0)
    assert np.array_equal(painted[bare], frame[bare])


def test_streams_of_labels_name_their_masks(load_tiny: Load, spec: Spec) -> None:
    model = load_tiny(overlapping(spec))
    shown = [noise(20, 30, seed) for seed in range(4)]
    for overlay in (False, True):
        for result, frame in zip(edgeseg.stream(model, iter(shown), overlay=overlay), shown, strict=True):
            assert result.mask is not None
            assert np.array_equal(result.mask, model(frame))
            assert result.labels == spec.classes
            assert (result.overlay is not None) is overlay
    (plain,) = edgeseg.stream(load_tiny(spec), iter(shown[:1]))
    assert plain.labels == ()


def test_one_channel_is_no_pair_of_labels(load_tiny: Callable[..., Segmenter], spec: Spec) -> None:
    two = replace(spec, classes=("rust", "crack"), palette=((0, 0, 0), (1, 2, 3)))
    assert load_tiny(two, 1)(noise(20, 30)).shape == (20, 30)
    with pytest.raises(EngineError, match="gives logits"):
        load_tiny(overlapping(two), 1)


def test_colours_cover_a_half_where_nothing_is_said(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(spec), noise(50, 60)
    logits, mask = model.logits(frame), model(frame)
    half = model.overlay(logits, frame, alpha=0.5)
    assert np.array_equal(model.overlay(logits, frame), half)
    assert np.array_equal(model.paint(mask, frame), half)
    assert np.array_equal(model.paint(mask, frame, alpha=1), model.palette[mask])


def test_overlays_of_a_letterbox_show_its_masks(spec: Spec, load_tiny: Load) -> None:
    model, frame = load_tiny(replace(spec, resize="letterbox")), noise(50, 23)
    assert np.array_equal(model.overlay(model.logits(frame), frame, alpha=1), model.palette[model(frame)])
