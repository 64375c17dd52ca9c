"""One camera: which frame is taken, in which order results come out, and what is counted and told."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.camera import MOST_WAITING, CameraWorker, Work
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.settings import CameraSettings
from edgeseg.serve.sinks import Sinks
from edgeseg.video.model import Result
from tests.serve.conftest import FakeSupervisor

SETTINGS = CameraSettings("gate", "rtsp://admin:geheim@gate/live")
CLASSES = ("road", "car", "sky")


class Listener:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.times: list[float] = []
        self.closed = 0

    def put(self, result: Result, now: float) -> None:
        self.got.append(result.index)
        self.times.append(now)

    def gap(self) -> None:
        self.got.append("gap")

    def close(self, seconds: float) -> None:
        assert seconds >= 0
        self.closed += 1


class Broken(Listener):
    """One that fails."""

    def put(self, result: Result, now: float) -> None:
        del result, now
        raise RuntimeError("no more")


def camera(*sinks: Listener, settings: CameraSettings = SETTINGS, events: EventLog | None = None) -> CameraWorker:
    return CameraWorker(settings, CLASSES, events or EventLog(), lambda: None, Sinks(sinks))


def result_of(work: Work, done: float | None = None) -> Result:
    frame = work.frame
    mask = np.full(frame.image.shape[:2], frame.index % 3, np.uint8)
    seconds = {"capture": 0.001, "prepare": 0.002, "infer": 0.003, "kernel": 0.004}
    finished = time.perf_counter() if done is None else done
    return Result(frame.index, frame.image, mask, None, frame.timestamp, frame.captured, finished, seconds, None)


def take(worker: CameraWorker) -> Work:
    work = worker.take()
    assert work is not None
    return work


def test_the_newest_frame_is_taken_and_those_it_replaced_are_counted(supervisors: list[FakeSupervisor]) -> None:
    worker = camera()
    assert worker.take() is None
    for level in range(3):
        supervisors[0].put(level)
    assert take(worker).frame.index == 2
    assert worker.take() is None
    for level in range(3, 6):
        supervisors[0].put(level)
    assert take(worker).frame.index == 5
    skipped = worker.status().skipped
    assert (skipped["before_start"], skipped["replaced"]) == (2, 2)


@given(st.permutations(range(6)))
def test_results_come_out_in_the_order_of_the_frames(order: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        FakeSupervisor.made = []
        patch.setattr("edgeseg.serve.camera.Supervisor", FakeSupervisor)
        listener = Listener()
        worker = camera(listener)
        works = []
        for level in range(6):
            FakeSupervisor.made[0].put(level)
            works.append(take(worker))
        for place in order:
            worker.deliver(works[place], result_of(works[place]))
        assert listener.got == list(range(6))
        assert worker.newest is not None
        assert worker.newest.index == 5


def test_a_frame_that_failed_is_counted_and_told_once_in_a_row(supervisors: list[FakeSupervisor]) -> None:
    events, listener = EventLog(), Listener()
    worker = camera(listener, events=events)
    for level, fails in enumerate([False, True, True, False, True]):
        supervisors[0].put(level)
        work = take(worker)
        worker.deliver(work, ValueError("too large") if fails else result_of(work))
    assert listener.got == [0, 3]
    assert worker.status().skipped["failed"] == 3
    assert [event.name for event in events.newest(9)] == ["connecting", "frame_failed", "frame_failed"]


def test_a_frame_that_a_worker_never_gives_back_is_given_up(supervisors: list[FakeSupervisor]) -> None:
    events, listener = EventLog(), Listener()
    worker = camera(listener, events=events)
    works = []
    for level in range(MOST_WAITING + 3):
        supervisors[0].put(level)
        works.append(take(worker))
    for work in works[1:-1]:
        worker.deliver(work, result_of(work))
    assert listener.got == list(range(1, MOST_WAITING + 2))
    assert (worker.status().masks, worker.status().skipped["failed"]) == (MOST_WAITING + 1, 1)
    (event,) = [event for event in events.newest(9) if event.name == "frame_failed"]
    assert event.text == "a frame could not be segmented: 32 later ones are done, and it is not; it is given up"
    for late in (works[0], works[-1]):
        worker.deliver(late, result_of(late))
    assert listener.got == list(range(1, MOST_WAITING + 3))  # the order holds
    assert (worker.status().masks, worker.status().skipped["failed"]) == (MOST_WAITING + 2, 1)


def test_sinks_are_told_of_gaps_and_sizes(supervisors: list[FakeSupervisor]) -> None:
    listener = Listener()
    worker = camera(listener)
    for level, (gaps, size) in enumerate([(2, (6, 8)), (2, (6, 8)), (3, (6, 8)), (3, (12, 8)), (3, (12, 8))]):
        supervisors[0].put(level, gaps=gaps, size=size)
        work = take(worker)
        worker.deliver(work, result_of(work))
    assert listener.got == [0, 1, "gap", 2, "gap", 3, 4]


def test_sinks_get_the_time_of_the_capture(supervisors: list[FakeSupervisor]) -> None:
    listener = Listener()
    worker = camera(listener)
    supervisors[0].put(0, captured=time.perf_counter() - 100)
    work = take(worker)
    worker.deliver(work, result_of(work))
    assert listener.times == [pytest.approx(time.time() - 100, abs=5)]


def test_a_sink_that_fails_gets_no_more_and_the_others_do(supervisors: list[FakeSupervisor]) -> None:
    events, broken, listener = EventLog(), Broken(), Listener()
    worker = camera(broken, listener, events=events)
    for level in range(2):
        supervisors[0].put(level)
        work = take(worker)
        worker.deliver(work, result_of(work))
    assert listener.got == [0, 1]
    (event,) = [event for event in events.newest(9) if event.name == "sink_failed"]
    assert event.text == "Broken failed (RuntimeError: no more) and gets no more frames"
    worker.close(time.perf_counter())
    assert (broken.closed, listener.closed) == (1, 1)  # what it holds is to be freed


def test_a_sink_that_cannot_be_closed_is_told_and_the_others_are_closed(supervisors: list[FakeSupervisor]) -> None:
    class Stubborn(Listener):
        def close(self, seconds: float) -> None:
            raise OSError(f"not within {seconds:.0f} s")

    events, listener = EventLog(), Listener()
    camera(Stubborn(), listener, events=events).close(time.perf_counter())
    assert supervisors[0].closed
    assert listener.closed == 1
    assert events.newest(1)[0].text == "Stubborn failed (OSError: not within 0 s) and could not be finished"


def test_a_frame_that_waited_too_long_is_counted_and_not_segmented(supervisors: list[FakeSupervisor]) -> None:
    worker = camera(settings=replace(SETTINGS, max_age=50.0))
    now = time.perf_counter()
    supervisors[0].put(0, captured=now - 100)
    assert worker.take() is None
    assert worker.status().skipped["too_old"] == 1
    supervisors[0].put(1, captured=now)
    assert take(worker).frame.index == 1


def test_its_status(supervisors: list[FakeSupervisor]) -> None:
    worker = camera()
    status = worker.status()
    assert status.source == "rtsp://***@gate/live"
    assert (status.width, status.height, status.age, status.fractions, status.masks) == (0, 0, None, {}, 0)
    captured = time.perf_counter() - 100
    supervisors[0].put(1, captured=captured)
    work = take(worker)
    worker.deliver(work, result_of(work, done=captured + 1))
    status = worker.status()
    assert (status.width, status.height, status.masks) == (8, 6, 1)
    assert status.fractions == {"road": 0.0, "car": 1.0, "sky": 0.0}
    assert status.age == pytest.approx(100, abs=5)
    assert status.stages["kernel"].total == 0.004
    assert status.stages["capture_to_mask"].total == pytest.approx(1)
    assert "geheim" not in repr(status)


def test_changes_are_told_once_and_not_every_attempt(supervisors: list[FakeSupervisor]) -> None:
    events = EventLog()
    camera(events=events)
    connection = supervisors[0]
    for _ in range(3):
        connection.change("reconnecting", "refused", "gate refused the connection")
        connection.change("connecting")
    connection.change("reconnecting", "timeout", "gate did not answer")
    connection.change("live")
    connection.change("live", frozen=True)
    connection.change("stalled", None, "gate gave no new frame for 3 s")
    told = [(event.name, event.text) for event in events.newest(99)]
    assert told == [
        ("connecting", "connecting to rtsp://***@gate/live"),
        ("reconnecting", "gate refused the connection; trying again until it answers"),
        ("reconnecting", "gate did not answer; trying again until it answers"),
        ("live", "frames come"),
        ("live", "frames come, but the picture does not change"),
        ("stalled", "gate gave no new frame for 3 s; waiting as long again"),
    ]


def test_warnings_are_told_once_and_not_for_ever(supervisors: list[FakeSupervisor]) -> None:
    events = EventLog()
    camera(events=events)
    for number in range(100):
        supervisors[0].warn("odd")
        supervisors[0].warn(f"odd {number}")
    assert [event.name for event in events.newest(99)].count("warning") == 20


def test_what_ends_the_watching_thread_is_a_failure_of_this_camera(supervisors: list[FakeSupervisor]) -> None:
    events = EventLog()
    worker = camera(events=events)
    supervisors[0].mailbox.finish(ZeroDivisionError("oh"))
    assert worker.take() is None
    assert worker.take() is None
    assert worker.status().state == "failed"
    assert [event.name for event in events.newest(9)] == ["connecting", "failed"]


def test_closing_waits_for_frames_in_work_then_finishes_the_sinks(supervisors: list[FakeSupervisor]) -> None:
    listener = Listener()
    worker = camera(listener)
    supervisors[0].put(0)
    work = take(worker)
    supervisors[0].put(1)
    worker.close(time.perf_counter())  # no time: the frame in work is not waited for
    assert listener.closed == 1
    assert worker.take() is None
    assert supervisors[0].closed
    assert worker.status().skipped["at_end"] == 1
    worker.deliver(work, result_of(work))
    worker.close(time.perf_counter())
    assert listener.got == []
    assert listener.closed == 1


def test_a_smoothed_camera_has_one_frame_in_work(supervisors: list[FakeSupervisor]) -> None:
    calls: list[int] = []
    settings = replace(SETTINGS, smooth=0.5)
    worker = CameraWorker(settings, CLASSES, EventLog(), lambda: calls.append(1), Sinks(()))
    supervisors[0].put(0)
    work = take(worker)
    assert work.smoother is not None
    supervisors[0].put(1)
    assert worker.take() is None
    before = len(calls)
    worker.deliver(work, result_of(work))
    assert len(calls) == before + 1  # whoever waits is told that there is one to take now
    assert take(worker).smoother is work.smoother
