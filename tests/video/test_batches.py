"""Streams that give the network several frames at once: what comes is what comes without."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.console import Console

from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Spec
from edgeseg.video.open import open_source
from edgeseg.video.options import StreamOptions
from edgeseg.video.outputs import Outputs
from edgeseg.video.pipeline import stream
from edgeseg.video.run import run
from edgeseg.video.source import ArraySource, Ended
from tests.video.conftest import SeveralShades, shades

pytestmark = pytest.mark.usefixtures("no_thread_left")

SECONDS = 60.0


class BrokenError(Exception):
    """What the stages of these tests raise."""


def test_as_many_as_there_are_and_no_more_than_asked_for(spec: Spec) -> None:
    model = SeveralShades(spec, 8)
    results = list(stream(model, shades(11), workers=1, batch=4, batch_wait=SECONDS))
    assert model.groups == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert [result.index for result in results] == list(range(11))
    for result in results:
        assert result.mask is not None
        assert (result.mask == result.index).all()


def test_a_frame_does_not_wait_for_one_that_does_not_come(spec: Spec) -> None:
    """The next frame comes when the first has its mask, and not before."""
    given = threading.Event()

    def frames() -> Iterator[NDArray[np.uint8]]:
        for frame in shades(4):
            yield frame
            assert given.wait(SECONDS)
            given.clear()

    model = SeveralShades(spec, 4)
    for _ in stream(model, frames(), workers=1, batch=4, batch_wait=0.001):
        given.set()
    assert model.groups == [[0], [1], [2], [3]]


def test_frames_that_came_meanwhile_go_together(spec: Spec) -> None:
    """Nothing waits: the first goes alone or with few, and those that were read while it was computed in one."""
    read = threading.Event()

    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from shades(8)
        read.set()

    def wait(_: int) -> None:
        read.wait(SECONDS)

    model = SeveralShades(spec, 4, wait)
    assert len(list(stream(model, frames(), workers=1, batch=4))) == 8
    first, *others = map(len, model.groups)
    assert others == {1: [4, 3], 2: [4, 2], 3: [4, 1], 4: [4]}[first]


@settings(max_examples=40, deadline=None)
@given(
    workers=st.integers(1, 4),
    batch=st.integers(2, 5),
    wait=st.sampled_from((0.0, 0.0, 0.002)),
    queue=st.none() | st.integers(1, 5),
    count=st.integers(1, 30),
    limit=st.none() | st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_all_frames_once_in_order(
    spec: Spec, workers: int, batch: int, wait: float, queue: int | None, count: int, limit: int | None, seed: int
) -> None:
    delays = random.Random(seed)
    model = SeveralShades(spec, batch, lambda _: time.sleep(delays.choice((0, 0, 0.0005))))
    running = stream(model, shades(count), workers=workers, batch=batch, batch_wait=wait, queue=queue, max_frames=limit)
    expected = min(count, limit or count)
    for number, result in enumerate(running):
        assert result.index == number
        assert result.mask is not None
        assert (result.mask == number).all()
    assert running.stats.frames == running.stats.capture_to_mask.count == expected
    assert sorted(level for group in model.groups for level in group) == list(range(expected))


@pytest.mark.parametrize("where", ["infer", "mask"])
def test_a_frame_that_fails_ends_it_behind_those_before(spec: Spec, where: str) -> None:
    class Failing(SeveralShades):
        def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.uint8]:  # type: ignore[override]
            logits = super().infer(tensor)
            if where == "infer" and 6 in logits:
                raise BrokenError
            return logits

        def mask(  # type: ignore[override]
            self, logits: NDArray[np.uint8], width: int, height: int
        ) -> NDArray[np.uint8]:
            if where == "mask" and 6 in logits:
                raise BrokenError
            return super().mask(logits, width, height)

    got = []
    running = stream(Failing(spec, 4), shades(12), workers=1, batch=4, batch_wait=SECONDS)
    with pytest.raises(BrokenError):  # noqa: PT012 - the loop is what is tested
        for result in running:
            got.append(result.index)
    assert got == list(range({"infer": 4, "mask": 6}[where]))
    assert running.ended is None


def test_a_source_that_fails_ends_it_behind_those_before(spec: Spec) -> None:
    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from shades(6)
        raise BrokenError

    got = []
    with pytest.raises(BrokenError):  # noqa: PT012 - the loop is what is tested
        for result in stream(SeveralShades(spec, 4), frames(), workers=1, batch=4, batch_wait=SECONDS):
            got.append(result.index)
    assert got == list(range(6))


def test_stopping_and_leaving(spec: Spec) -> None:
    """Stopped, it gives what was read; left, it counts that, and no thread stays."""
    stopped = stream(SeveralShades(spec, 4), shades(10**9), workers=2, batch=4)
    for result in stopped:
        if result.index == 20:
            stopped.stop()
    assert stopped.ended == Ended("stopped")
    assert stopped.stats.discarded == 0
    assert 21 <= stopped.stats.frames <= 21 + 2 * 4 + 3 + 2 * 2
    left = stream(SeveralShades(spec, 4), shades(10**9), workers=2, batch=4, batch_wait=SECONDS)
    for _ in left:
        time.sleep(0.02)  # the reader goes as far as it may meanwhile
        break
    assert left.stats.frames == 1
    assert 1 <= left.stats.discarded <= 2 * 4 + 3 + 2 * 2


def test_a_live_source_gives_its_newest_frame_alone(spec: Spec) -> None:
    source = ArraySource(shades(5))
    source.live = True
    model = SeveralShades(spec, 4)
    running = stream(model, source, workers=1, batch=4, batch_wait=SECONDS)
    assert running.batch == 1
    assert len(list(running)) == 5
    assert model.groups == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 0}, "batch is 0, expected at least 1"),
        ({"batch": 1000}, "batch is 1000, expected 1 to 256"),
        ({"batch": 2, "mode": "latency"}, 'batch is 2, but mode "latency" takes one frame at a time'),
        ({"batch_wait": -1.0}, "batch_wait is -1, expected 0 to 60 seconds"),
        ({"batch_wait": float("nan")}, "batch_wait is nan"),
        ({"batch": 5}, "batch is 5, and tiny takes up to 4 frames at once here; export it with --batch 5"),
    ],
)
def test_arguments_out_of_range(spec: Spec, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stream(SeveralShades(spec, 4), shades(1), **arguments)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_masks_are_those_of_single_calls(
    engine: str, resize: Any, tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    """Bit for bit, at each frame's own size; those of the network's size are not copied where they are alone."""
    pytest.importorskip(engine)
    bundle = make_bundle(tmp_path / "tiny", replace(spec, resize=resize, batch=3))
    model = load(bundle, engine=engine, threads=1)
    levels = np.random.default_rng(0)
    sizes = [(18, 30), (37, 53), (spec.height, spec.width), (5, 9)]
    frames = [levels.integers(0, 256, (*size, 3), np.uint8) for size in sizes * 5]
    for batch, overlay in ((2, False), (3, True)):
        running = stream(model, frames, workers=2, batch=batch, batch_wait=0.05, overlay=overlay)
        for result, frame in zip(running, frames, strict=True):
            assert result.mask is not None
            assert (result.mask == model(frame)).all()
            assert (result.frame == frame).all()
            if overlay:
                assert result.overlay is not None
                assert (result.overlay == model.overlay(model.logits(frame), frame)).all()
    model.close()


def test_each_frame_of_a_batch_has_its_times(spec: Spec) -> None:
    model = SeveralShades(spec, 4, lambda _: time.sleep(0.005))
    running = stream(model, shades(8), workers=1, batch=4, batch_wait=SECONDS)
    for result in running:
        assert set(result.seconds) == {"capture", "prepare", "infer", "kernel"}
        assert result.seconds["infer"] >= 0.02  # it waits for all four
        assert result.done - result.captured >= sum(result.seconds.values()) * 0.999
    assert running.stats.stages["infer"].count == 8


def test_the_report_says_so(spec: Spec, tmp_path: Path, make_video: Callable[..., Path]) -> None:
    """With every mask on disk; without a batch the JSON has no word of it."""
    video = make_video(tmp_path / "in.mp4", count=9)
    for batch in (4, 1):
        with open_source(video) as source, Outputs(source, masks=tmp_path / str(batch)) as outputs:
            report = run(SeveralShades(spec, 4), source, outputs, StreamOptions(batch=batch))
        assert (report.frames, report.batch, report.skipped["at_end"]) == (9, batch, 0)
        assert report.to_json().get("batch") == (4 if batch == 4 else None)
        console = Console(width=120, record=True, file=io.StringIO())
        console.print(report.table())
        assert ("up to 4 frames in one call" in " ".join(console.export_text().split())) == (batch == 4)
    names = [f"{number:06d}.png" for number in range(9)]
    assert sorted(path.name for path in (tmp_path / "4").iterdir()) == names
    for name in names:
        assert (tmp_path / "4" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
