"""Order, bounds and errors of a stream."""

from __future__ import annotations

import gc
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.spec import Head, Spec
from edgeseg.video.pipeline import stream
from edgeseg.video.source import ArraySource, Frame
from tests.video.conftest import Image, ShadeModel, shades

Shades = Callable[..., Iterator[NDArray[np.uint8]]]
MakeModel = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_thread_left")


def test_results_come_in_order(make_shade_model: MakeModel, shades: Shades) -> None:
    delays = random.Random(0)
    model = make_shade_model(lambda _: time.sleep(delays.random() / 200))
    results = list(stream(model, shades(100), workers=5))
    assert [result.index for result in results] == list(range(100))
    for result in results:
        assert result.mask is not None
        assert (result.mask == result.index).all()
        assert (result.frame == result.index).all()
        assert result.overlay is None
        assert result.timestamp == pytest.approx(result.index / 25)


@settings(max_examples=30, deadline=None)
@given(
    workers=st.integers(1, 6),
    queue=st.integers(1, 5),
    count=st.integers(1, 30),
    limit=st.none() | st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_all_frames_once_in_order(
    spec: Spec, workers: int, queue: int, count: int, limit: int | None, seed: int
) -> None:
    delays = random.Random(seed)
    model = ShadeModel(spec, lambda _: time.sleep(delays.choice((0, 0, 0.0005))))
    running = stream(model, shades(count), workers=workers, queue=queue, max_frames=limit)
    expected = min(count, limit or count)
    assert [result.index for result in running] == list(range(expected))
    assert running.stats.frames == running.stats.capture_to_mask.count == expected


def test_an_iterable_may_fill_one_memory_again(make_shade_model: MakeModel) -> None:
    memory = np.zeros((6, 8, 3), np.uint8)

    def camera() -> Iterator[NDArray[np.uint8]]:
        for level in range(6):
            memory[:] = level
            yield memory

    for level, result in enumerate(list(stream(make_shade_model(), camera()))):
        assert result.mask is not None
        assert (result.frame == level).all()
        assert (result.mask == level).all()


@pytest.mark.parametrize("name", ["road", Path("road")])
def test_a_name_is_no_model(name: Any, shades: Shades) -> None:
    with pytest.raises(UsageError, match=r"got 'road' as model, expected a segmenter; give edgeseg\.load\('road'\)"):
        stream(name, shades(1))


def test_latency_mode_has_one_frame_at_a_time(make_shade_model: MakeModel, shades: Shades) -> None:
    busy = threading.Semaphore(1)

    def alone(_: int) -> None:
        assert busy.acquire(blocking=False)
        time.sleep(0.001)
        busy.release()

    running = stream(make_shade_model(alone), shades(20), mode="latency")
    assert running.workers == 1
    assert len(list(running)) == 20


def test_throughput_mode_computes_on_all_workers_at_once(make_shade_model: MakeModel, shades: Shades) -> None:
    together = threading.Barrier(3, timeout=5)
    running = stream(make_shade_model(lambda _: together.wait() and None), shades(6), workers=3)
    assert len(list(running)) == 6


def test_overlay_and_mask(make_shade_model: MakeModel, shades: Shades) -> None:
    *_, both = stream(make_shade_model(), shades(5), overlay=True, alpha=0.25)
    assert both.mask is not None
    assert both.overlay is not None
    assert (both.mask == 4).all()
    assert (both.overlay == 3).all()
    (alone,) = stream(make_shade_model(), shades(1), overlay=True, masks=False)
    assert alone.mask is None
    assert alone.overlay is not None


def test_models_that_make_masks_themselves_are_asked_for_them(make_shade_model: MakeModel, shades: Shades) -> None:
    model = make_shade_model()
    model.makes_masks = True
    *_, both = stream(model, shades(5), overlay=True, alpha=0.5)
    assert both.mask is not None
    assert both.overlay is not None
    assert (both.mask == 4).all()
    assert (both.overlay == 2 + 4).all()
    (plain,) = stream(model, shades(1))
    assert (plain.mask is not None, plain.overlay is None) == (True, True)
    (painted,) = stream(model, shades(1), overlay=True, masks=False)
    assert (painted.mask is None, painted.overlay is not None) == (True, True)


def test_a_video_file(tmp_path: Path, make_video: Callable[..., Path], make_shade_model: MakeModel) -> None:
    running = stream(make_shade_model(), str(make_video(tmp_path / "a.mp4", count=60)), workers=3)
    assert [result.index for result in running] == list(range(60))
    stats = running.stats
    assert set(stats.stages) == {"capture", "prepare", "infer", "kernel"}
    assert all(stage.count == 60 and stage.total > 0 for stage in stats.stages.values())
    parts = sum(stage.total for stage in stats.stages.values())
    assert stats.capture_to_mask.total >= parts * 0.999
    assert stats.dropped == 0
    assert stats.fps > 0


def test_a_stream_is_read_once(make_shade_model: MakeModel, shades: Shades) -> None:
    running = stream(make_shade_model(), shades(3))
    assert len(list(running)) == 3
    with pytest.raises(UsageError, match="read once"):
        list(running)


def test_frames_alive_are_bounded(make_shade_model: MakeModel, shades: Shades) -> None:
    """A long stream and a slow caller: never more than workers + queue + 2 frames at a time."""
    alive: weakref.WeakSet[NDArray[np.uint8]] = weakref.WeakSet()
    most = 0

    class Tracked(np.ndarray):
        __hash__ = object.__hash__  # type: ignore[assignment]

    class Counting(ArraySource):
        def _read(self) -> Frame | None:
            nonlocal most
            if (frame := super()._read()) is not None:
                frame = replace(frame, image=frame.image.view(Tracked))
                alive.add(frame.image)
                most = max(most, len(alive))
            return frame

    gc.collect()
    for result in stream(make_shade_model(), Counting(shades(300, 2, 2)), workers=3, queue=4):
        if result.index % 20 == 0:
            time.sleep(0.005)
    assert 3 <= most <= 3 + 4 + 2


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_the_real_segmenter(
    resize: Any, tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    """The masks of a stream are the masks of single calls, at each frame's own size, which changes in mid-stream."""
    from edgeseg.segmenter import load

    model = load(make_bundle(tmp_path / "tiny", replace(spec, resize=resize)), threads=1)
    random_levels = np.random.default_rng(0)
    sizes = [(18, 30), (37, 53), (18, 30), (5, 9)]
    frames = [random_levels.integers(0, 256, (*size, 3), np.uint8) for size in sizes * 5]
    for result, frame in zip(stream(model, frames, workers=4, overlay=True), frames, strict=True):
        assert result.mask is not None
        assert result.mask.shape == frame.shape[:2]
        assert result.overlay is not None
        assert result.overlay.shape == frame.shape
        assert (result.mask == model(frame)).all()
        assert (result.frame == frame).all()


class Slow(ShadeModel):
    """Its steps take different times, at least."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, lambda _: time.sleep(0.02))
        self.memory: set[int] = set()

    def prepare(self, frame: Image, *, out: Image | None = None) -> Image:
        time.sleep(0.01)
        tensor = super().prepare(frame, out=out)
        self.memory.add(tensor.ctypes.data)
        return tensor

    def mask(self, logits: int, width: int, height: int) -> Image:
        time.sleep(0.03)
        return super().mask(logits, width, height)

    def overlay(self, logits: int, frame: Image, *, alpha: float = 0.5, mask: Image | None = None) -> Image:
        time.sleep(0.03)
        return super().overlay(logits, frame, alpha=alpha, mask=mask)

    def segment(self, tensor: Image, width: int, height: int) -> Image:
        return super().mask(self.infer(tensor), width, height)

    def paint(self, mask: Image, frame: Image, *, alpha: float = 0.5) -> Image:
        time.sleep(0.03)
        return super().paint(mask, frame, alpha=alpha)


@pytest.mark.parametrize("makes_masks", [False, True])
@pytest.mark.parametrize("overlay", [False, True])
def test_every_stage_has_its_time(makes_masks: bool, overlay: bool, spec: Spec) -> None:
    """Sleeps say what each takes at least; together they are no more than the time from capture to mask."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        for level in range(4):
            time.sleep(0.005)
            yield np.full((5, 7, 3), level, np.uint8)

    model: Any = Slow(spec)
    model.makes_masks = makes_masks
    begin = time.perf_counter()
    running = stream(model, frames(), workers=1, overlay=overlay)
    for result in running:
        assert list(result.seconds) == ["capture", "prepare", "infer", "kernel"]
        assert result.seconds["capture"] >= 0.005
        assert result.seconds["prepare"] >= 0.01
        assert result.seconds["infer"] >= 0.02
        assert result.seconds["kernel"] >= (0.03 if overlay or not makes_masks else 0)
        assert sum(result.seconds.values()) <= result.done - result.captured + 1e-6
        assert begin <= result.captured <= result.done <= time.perf_counter()
        assert result.mask is not None
        assert result.mask.shape == (5, 7)
        assert result.timestamp == pytest.approx(result.index / 25)
    assert len(model.memory) == 1  # of the one worker
    assert running.stats.fps <= 4 / (4 * 0.03)
    assert running.stats.stages["infer"].total >= 4 * 0.02


def test_masks_of_labels_that_overlap_are_named(spec: Spec, shades: Shades) -> None:
    model: Any = Slow(replace(spec, head=Head("multi-label", exclusive=False)))
    (result,) = stream(model, shades(1))
    assert result.labels == spec.classes
    plain: Any = Slow(spec)
    (result,) = stream(plain, shades(1))
    assert result.labels == ()


def test_workers_have_memory_of_their_own(spec: Spec, shades: Shades) -> None:
    model: Any = Slow(spec)
    assert len(list(stream(model, shades(12), workers=3))) == 12
    assert 2 <= len(model.memory) <= 3


def test_masks_of_overlays_have_the_frames_size(make_shade_model: MakeModel, shades: Shades) -> None:
    (both,) = stream(make_shade_model(), shades(1, height=5, width=9), overlay=True)
    assert both.mask is not None
    assert both.mask.shape == (5, 9)
