"""How streams end: errors, losses, limits, and callers that leave."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import LostError, UsageError
from edgeseg.video import pipeline
from edgeseg.video.pipeline import stream
from edgeseg.video.source import ArraySource, Ended, Frame

Shades = Callable[..., Iterator[NDArray[np.uint8]]]
MakeModel = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_thread_left")


class BrokenError(Exception):
    """What the stages of these tests raise."""


SECONDS = 30.0
"""That nothing here may take."""


def test_error_in_the_model(make_shade_model: MakeModel, shades: Shades) -> None:
    def fail(level: int) -> None:
        if level == 7:
            raise BrokenError("level 7")

    got = []
    with pytest.raises(BrokenError, match="level 7"):  # noqa: PT012 - the loop is what is tested
        for result in stream(make_shade_model(fail), shades(10**9), workers=3):
            got.append(result.index)
    assert got == list(range(7))


def test_error_in_the_source(make_shade_model: MakeModel, shades: Shades) -> None:
    """It comes after the results of all frames before it, though those are still in work when it is raised."""
    raised = threading.Event()

    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from shades(5)
        raised.set()
        raise BrokenError("source")

    def wait(level: int) -> None:
        assert level < 3 or raised.wait(SECONDS)

    results, got = iter(stream(make_shade_model(wait), frames(), workers=3)), []
    with pytest.raises(BrokenError, match="source"):  # noqa: PT012 - the loop is what is tested
        for result in results:
            got.append(result.index)
    assert got == list(range(5))


def test_nothing_is_read_after_an_error_of_the_source(make_shade_model: MakeModel) -> None:
    """A folder could go on with its next picture, which would take the place of the one that is broken."""

    read = []

    class Source(ArraySource):
        def __next__(self) -> Frame:
            frame = super().__next__()
            read.append(frame.index)
            if frame.index == 3:
                raise BrokenError("the fourth")
            return frame

    got = []
    with pytest.raises(BrokenError, match="the fourth"):  # noqa: PT012 - the loop is what is tested
        for result in stream(make_shade_model(), Source(np.zeros((6, 8, 3), np.uint8) for _ in range(99)), workers=3):
            got.append(result.index)
    assert got == [0, 1, 2]
    assert read == [0, 1, 2, 3]


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


def test_error_comes_though_others_are_blocked(make_shade_model: MakeModel, shades: Shades) -> None:
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


def test_the_first_error_is_the_one_that_is_raised(make_shade_model: MakeModel, shades: Shades) -> None:
    """Two workers fail together; the caller gets the earlier frame's error, and a second iteration is refused."""
    together = threading.Barrier(2, timeout=30)

    def fail(level: int) -> None:
        together.wait()
        raise BrokenError(f"level {level}")

    running = stream(make_shade_model(fail), shades(9), workers=2)
    with pytest.raises(BrokenError, match="level 0"):
        list(running)
    assert running.ended is None
    with pytest.raises(UsageError, match="read once"):
        list(running)
    assert running.stats.frames == 0
    assert running.stats.discarded == 2


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


def test_a_limit_is_why_a_stream_ended_though_the_file_is_at_its_end(
    make_shade_model: MakeModel, shades: Shades
) -> None:
    for count, expected in ((5, "stopped"), (6, "end_of_file")):
        running = stream(make_shade_model(), shades(5), max_frames=count)
        assert len(list(running)) == 5
        assert running.ended is not None
        assert running.ended.how == expected


def test_frames_that_nobody_gets_are_counted(make_shade_model: MakeModel, shades: Shades) -> None:
    running = stream(make_shade_model(), shades(10**9), workers=2, queue=5)
    for _ in running:
        time.sleep(0.05)  # the workers fill the queue meanwhile
        break
    assert running.stats.frames == 1
    assert 1 <= running.stats.discarded <= 2 + 5


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
