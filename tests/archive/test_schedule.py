"""The order of tasks, with workers that die, fail and change their minds at random."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.archive.schedule import ATTEMPTS, Schedule
from edgeseg.archive.tasks import NOTHING, Begun, Failed, Finished, Inseparable, Made, Task, Work
from edgeseg.archive.videos import Video


def video(name: str) -> Video:
    return Video(name, Path("/in", name), 1000)


@given(st.data())
def test_every_video_ends_once_and_pieces_come_before_the_join(data: st.DataObject) -> None:
    names = [f"{number}.mp4" for number in range(data.draw(st.integers(0, 5)))]
    schedule = Schedule([video(name) for name in names])
    cut: dict[str, set[int]] = {}  # pieces that are not finished
    under_way: list[Task] = []
    for _ in range(1000):
        if schedule.done:
            break
        while len(under_way) < 3 and (task := schedule.next()) is not None:
            assert task not in under_way
            if task.kind == "piece":
                assert task.piece in cut[task.video.name]
            if task.kind == "join":
                assert not cut[task.video.name]
            if task.kind in ("join", "whole"):
                assert task.video.name not in {each.video.name for each in under_way}
            under_way.append(task)
        assert under_way, "there is work left, and nobody is given any"
        task = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
        name = task.video.name
        what = data.draw(st.sampled_from(["well"] * 6 + ["dies", "fails", "inseparable"]))
        if what == "dies":
            schedule.lost(task, "was ended by SIGKILL")
        elif what == "fails":
            schedule.note(task, Failed("it is bad"))
        elif task.kind == "begin" and data.draw(st.booleans()):
            count = data.draw(st.integers(2, 5))
            finished = data.draw(st.frozensets(st.integers(0, count - 1)))
            cut[name] = set(range(count)) - finished
            schedule.note(task, Begun(count, finished, 10 * len(finished), None))
        elif task.kind == "piece" and what == "inseparable":
            schedule.note(task, Inseparable("it is damaged"))
        elif task.kind == "piece":
            cut[name].discard(task.piece)
            schedule.note(task, Made(Work(10, {})))
        else:
            schedule.note(task, Finished(10, NOTHING, False, ()))
    assert schedule.done
    failed = [failure.video for failure in schedule.failures]
    assert sorted([*schedule.finished, *failed]) == sorted(names)


def test_a_task_that_kills_its_workers_fails() -> None:
    schedule = Schedule([video("a.mp4"), video("b.mp4")])
    for _ in range(ATTEMPTS):
        task = schedule.next()
        assert task is not None
        assert task.video.name == "a.mp4"
        schedule.lost(task, "was ended by SIGSEGV")
    (failure,) = schedule.failures
    assert failure.video == "a.mp4"
    assert "was ended by SIGSEGV" in failure.reason
    following = schedule.next()
    assert following is not None
    assert following.video.name == "b.mp4"


def test_what_is_fatal_ends_all() -> None:
    schedule = Schedule([video("a.mp4"), video("b.mp4"), video("c.mp4")])
    first, second = schedule.next(), schedule.next()
    assert first is not None
    assert second is not None
    schedule.note(first, Failed("the disk is full", fatal=True))
    assert schedule.next() is None
    assert schedule.fatal == "the disk is full"
    assert schedule.failures == []  # it is no fault of the video
    schedule.note(second, Finished(5, NOTHING, False, ("it ends early",)))
    assert schedule.done
    assert schedule.warnings == ["it ends early"]


@pytest.mark.parametrize("finished", [frozenset(), frozenset({0, 2})])
def test_pieces_of_an_earlier_run_are_not_done_again(finished: frozenset[int]) -> None:
    schedule = Schedule([video("a.mp4")])
    begin = schedule.next()
    assert begin is not None
    schedule.note(begin, Begun(3, finished, 20, 30))
    tasks = []
    while (task := schedule.next()) is not None:
        tasks.append(task)
    assert {task.piece for task in tasks} == {0, 1, 2} - finished
    for task in tasks:
        schedule.note(task, Made(Work(10, {})))
    join = schedule.next()
    assert join is not None
    assert join.kind == "join"


def test_frames_of_a_video_that_cannot_be_cut_count_once() -> None:
    schedule = Schedule([video("a.mp4")])
    begin = schedule.next()
    assert begin is not None
    schedule.note(begin, Begun(3, frozenset({0}), 1000, 3000))
    first, second = schedule.next(), schedule.next()
    assert first is not None
    assert second is not None
    schedule.note(first, Made(Work(1000, {})))
    assert (schedule.frames, schedule.frames_before) == (1000, 1000)
    schedule.note(second, Inseparable("it is damaged"))
    assert (schedule.frames, schedule.frames_before) == (0, 0)
    whole = schedule.next()
    assert whole is not None
    assert whole.kind == "whole"
    schedule.note(whole, Finished(3000, Work(3000, {}), False, ()))
    assert (schedule.frames, schedule.frames_before) == (3000, 0)
