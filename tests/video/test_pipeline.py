"""Order, bounds and errors of a stream."""

from __future__ import annotations

import gc
import random
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.errors import LostError, UsageError
from edgeseg.processor import available_cores
from edgeseg.spec import Head, Spec
from edgeseg.video import options as options_module
from edgeseg.video import pipeline
from edgeseg.video.options import StreamOptions, engine_threads
from edgeseg.video.pipeline import stream
from edgeseg.video.source import ArraySource, Ended, Frame

Shades = Callable[..., Iterator[NDArray[np.uint8]]]
MakeModel = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_thread_left")


class BrokenError(Exception):
    """What the stages of these tests raise."""


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
    frames = (np.full((2, 3, 3), level, np.uint8) for level in range(count))
    model = Direct(spec, delays)
    running = stream(model, frames, workers=workers, queue=queue, max_frames=limit)
    expected = min(count, limit or count)
    assert [result.index for result in running] == list(range(expected))
    assert running.stats.frames == running.stats.capture_to_mask.count == expected


class Direct:
    """A model that sometimes lets another thread go first."""

    threads = 1
    batch = 1
    makes_masks = False

    def __init__(self, spec: Spec, delays: random.Random) -> None:
        self.spec = spec
        self._delays = delays

    def prepare(self, frame: NDArray[np.uint8], *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        del out
        return frame

    def infer(self, tensor: NDArray[np.uint8]) -> int:
        time.sleep(self._delays.choice((0, 0, 0.0005)))
        return int(tensor[0, 0, 0])

    def mask(self, logits: int, width: int, height: int) -> NDArray[np.uint8]:
        return np.full((height, width), logits, np.uint8)

    def overlay(
        self, logits: int, frame: NDArray[np.uint8], *, alpha: float = 0.5, mask: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        raise NotImplementedError

    def segment(self, tensor: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        raise NotImplementedError

    def paint(self, mask: NDArray[np.uint8], frame: NDArray[np.uint8], *, alpha: float = 0.5) -> NDArray[np.uint8]:
        raise NotImplementedError


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


def test_workers_follow_the_models_threads(make_shade_model: MakeModel, shades: Shades) -> None:
    model = make_shade_model()
    assert stream(model, shades(1)).workers == available_cores()
    model.threads = available_cores()
    assert stream(model, shades(1)).workers == 1
    assert (engine_threads("throughput"), engine_threads("latency")) == (1, available_cores())


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


def test_error_in_the_model(make_shade_model: MakeModel, shades: Shades) -> None:
    def fail(level: int) -> None:
        if level == 7:
            raise BrokenError("level 7")

    got = []
    with pytest.raises(BrokenError, match="level 7"):  # noqa: PT012 - the loop is what is tested
        for result in stream(make_shade_model(fail), shades(10**9), workers=3):
            got.append(result.index)
    assert got == list(range(len(got)))
    assert len(got) <= 7


def test_error_in_the_source(make_shade_model: MakeModel, shades: Shades) -> None:
    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from shades(5)
        raise BrokenError("source")

    with pytest.raises(BrokenError, match="source"):
        list(stream(make_shade_model(), frames(), workers=3))


@pytest.mark.parametrize("error", [BrokenError, KeyboardInterrupt])
def test_error_in_the_callers_loop(
    make_shade_model: MakeModel, shades: Shades, error: type[BaseException], no_thread_left: None
) -> None:
    del no_thread_left
    with pytest.raises(error):  # noqa: PT012 - the loop is what is tested
        for result in stream(make_shade_model(), shades(10**9), workers=3):
            if result.index == 4:
                raise error


def test_leaving_the_loop_stops_the_workers(make_shade_model: MakeModel, shades: Shades) -> None:
    for result in stream(make_shade_model(), shades(10**9), workers=3):
        if result.index == 4:
            break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edgeseg-worker")]


def test_error_comes_at_once_though_others_are_blocked(make_shade_model: MakeModel, shades: Shades) -> None:
    """The caller takes nothing for a while: workers that wait for room must see the error and end."""
    failed = threading.Event()

    def fail(level: int) -> None:
        if level == 3:
            failed.set()
            raise BrokenError

    results = iter(stream(make_shade_model(fail), shades(10**9), workers=2, queue=1))
    next(results)
    with pytest.raises(BrokenError):
        list(results)
    assert failed.is_set()


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "fast"}, "mode is 'fast'"),
        ({"workers": 0}, "workers is 0"),
        ({"queue": 0}, "queue is 0"),
        ({"max_frames": -1}, "max_frames is -1"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"masks": False}, "neither masks nor overlays"),
        ({"stall_after": 5.0}, "stall_after is for sources that are connected again; ask for reconnect too"),
        ({"give_up_after": 5.0}, "give_up_after is for sources that are connected again; ask for reconnect too"),
    ],
)
def test_arguments_out_of_range(
    make_shade_model: MakeModel, shades: Shades, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        stream(make_shade_model(), shades(1), **arguments)


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


ENDINGS = {
    "the end of the program": ("results = iter(stream)\nnext(results)", 0),
    "sys.exit in the loop": ("for result in stream: sys.exit(7)", 7),
    "an error in the loop": ("for result in stream: raise SystemExit(3)", 3),
    "a stream that nobody iterates over": ("", 0),
}


PROGRAM = """
import sys
import numpy, edgeseg
model = edgeseg.load("road-nano", threads=1)
frames = (numpy.zeros((540, 960, 3), numpy.uint8) for _ in range(10000))
stream = edgeseg.stream(model, frames, workers=4, queue=1000)
"""


@pytest.mark.parametrize("what", ENDINGS)
def test_a_program_may_end_while_a_stream_runs(what: str) -> None:
    """Workers are then in native code, which must not meet an interpreter that is gone: that aborts (exit code -6)."""
    body, code = ENDINGS[what]
    command = [sys.executable, "-c", PROGRAM + body]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, "")


def test_options_are_keywords_too(make_shade_model: MakeModel, shades: Shades) -> None:
    options = StreamOptions(max_frames=3, overlay=True)
    assert len(list(stream(make_shade_model(), shades(9), options))) == 3
    results = list(stream(make_shade_model(), shades(9), options, max_frames=4, overlay=False))
    assert [result.overlay for result in results] == [None] * 4


def test_keywords_are_the_fields_of_the_options() -> None:
    """The type checkers' list of keywords is written by hand."""
    source = (Path(options_module.__file__)).read_text().partition("class StreamKeywords")[2]
    keywords = dict(re.findall(r"^        (\w+): (.+)$", source, re.MULTILINE))
    assert keywords == {field.name: field.type for field in fields(StreamOptions)}


def test_a_stream_says_why_it_ended(make_shade_model: MakeModel, shades: Shades) -> None:
    whole = stream(make_shade_model(), shades(5))
    assert whole.ended is None
    list(whole)
    assert whole.ended == Ended("end_of_file")
    enough = stream(make_shade_model(), shades(5), max_frames=2)
    list(enough)
    assert enough.ended == Ended("stopped", "after 2 frames, as asked")
    stopped = stream(make_shade_model(), shades(10**9), workers=3)
    for result in stopped:
        if result.index == 20:
            stopped.stop()
    assert stopped.ended == Ended("stopped")
    assert 21 <= stopped.stats.frames <= 21 + 3 * 3
    assert stopped.stats.discarded == 0


def test_frames_that_nobody_gets_are_counted(make_shade_model: MakeModel, shades: Shades) -> None:
    running = stream(make_shade_model(), shades(10**9), workers=2, queue=5)
    for _ in running:
        time.sleep(0.05)  # the workers fill the queue meanwhile
        break
    assert running.stats.frames == 1
    assert 1 <= running.stats.discarded <= 2 + 5


class Slow:
    """A model whose steps take different times, at least."""

    threads = 1
    batch = 1
    makes_masks = False

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.memory: set[int] = set()

    def prepare(self, frame: NDArray[np.uint8], *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        assert out is not None
        assert out.shape == (1, self.spec.height, self.spec.width, 3)
        assert out.dtype == np.uint8
        self.memory.add(out.ctypes.data)
        time.sleep(0.01)
        return frame

    def infer(self, tensor: NDArray[np.uint8]) -> int:
        time.sleep(0.02)
        return int(tensor[0, 0, 0])

    def mask(self, logits: int, width: int, height: int) -> NDArray[np.uint8]:
        time.sleep(0.03)
        return np.full((height, width), logits, np.uint8)

    def overlay(
        self, logits: int, frame: NDArray[np.uint8], *, alpha: float = 0.5, mask: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        del logits, alpha, mask
        time.sleep(0.03)
        return frame

    def segment(self, tensor: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        return np.full((height, width), self.infer(tensor), np.uint8)

    def paint(self, mask: NDArray[np.uint8], frame: NDArray[np.uint8], *, alpha: float = 0.5) -> NDArray[np.uint8]:
        del mask, alpha
        time.sleep(0.03)
        return frame


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


def test_a_limit_is_why_a_stream_ended_though_the_file_is_at_its_end(
    make_shade_model: MakeModel, shades: Shades
) -> None:
    for count, expected in ((5, "stopped"), (6, "end_of_file")):
        running = stream(make_shade_model(), shades(5), max_frames=count)
        assert len(list(running)) == 5
        assert running.ended is not None
        assert running.ended.how == expected


SECONDS = 30.0
"""That nothing here may take."""


class Device(ArraySource):
    """Frames that a live source would give; it breaks off at the end, or not."""

    live = True

    def __init__(self, images: Iterator[NDArray[np.uint8]], *, lost: bool) -> None:
        self.closed = 0
        self._lost = lost
        super().__init__(images)

    def _read(self) -> Frame | None:
        frame = super()._read()
        self.skipped.replaced += 2
        if frame is None and self._lost:
            self.ended = Ended("lost", None)
        return frame

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("tolerate_loss", [False, True])
def test_a_loss_without_a_reason_is_told_too(tolerate_loss: bool, make_shade_model: MakeModel, shades: Shades) -> None:
    source = Device(shades(3), lost=True)
    running = stream(make_shade_model(), source, tolerate_loss=tolerate_loss, workers=1)
    if tolerate_loss:
        assert len(list(running)) == 3
    else:
        with pytest.raises(LostError, match="the iterable of frames gave no more frames"):
            list(running)
    assert running.ended == Ended("lost", None)
    assert running.stats.dropped == source.dropped
    assert source.closed


def test_a_live_source_may_end(make_shade_model: MakeModel, shades: Shades) -> None:
    running = stream(make_shade_model(), Device(shades(3), lost=False), workers=1)
    assert len(list(running)) == 3
    assert running.ended == Ended("end_of_file")


def test_a_stop_wakes_who_waits_for_a_silent_camera(make_shade_model: MakeModel, shades: Shades) -> None:
    class Silent(ArraySource):
        live = True

        def __init__(self) -> None:
            self.waiting, self.closed = threading.Event(), threading.Event()
            super().__init__(shades(3))

        def _read(self) -> Frame | None:
            if (frame := super()._read()) is None:
                self.waiting.set()
                assert self.closed.wait(SECONDS)
            return frame

        def close(self) -> None:
            self.closed.set()

    source = Silent()
    running = stream(make_shade_model(), source, workers=1)

    def stop() -> None:
        assert source.waiting.wait(SECONDS)
        running.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert len(list(running)) == 3
    stopper.join()
    assert running.ended == Ended("stopped")


def test_closing_twice_is_no_error(make_shade_model: MakeModel, shades: Shades) -> None:
    running = stream(make_shade_model(), shades(10**9), workers=2)
    next(iter(running))
    running.close()
    running.close()
    assert running.stats.discarded == running._read - running.stats.frames
    unread = stream(make_shade_model(), shades(5))
    unread.close()
    assert unread.stats.discarded == 0


def test_a_file_is_closed_when_its_workers_have_ended(make_shade_model: MakeModel, shades: Shades) -> None:
    """And not while one of them may be reading; what never ends is left."""
    reading = threading.Event()
    release = threading.Event()

    class File(ArraySource):
        closed = False

        def _read(self) -> Frame | None:
            if self._index == 2:
                reading.set()
                release.wait(30)
            return super()._read()

        def close(self) -> None:
            self.closed = True

    source = File(shades(9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "JOIN_SECONDS", 0.05)
        results = iter(stream(make_shade_model(), source, workers=1))
        next(results)
        assert reading.wait(30)
        results.close()  # type: ignore[attr-defined]
        assert not source.closed
    release.set()


def test_the_first_error_is_the_one_that_is_raised(make_shade_model: MakeModel, shades: Shades) -> None:
    """Two workers fail together; the caller gets one error, and a second iteration is refused."""
    together = threading.Barrier(2, timeout=30)

    def fail(level: int) -> None:
        together.wait()
        raise BrokenError(f"level {level}")

    running = stream(make_shade_model(fail), shades(9), workers=2)
    with pytest.raises(BrokenError, match=r"level [01]"):
        list(running)
    assert running.ended is None
    with pytest.raises(UsageError, match="read once"):
        list(running)
    assert running.stats.frames == 0
    assert running.stats.discarded == 2
