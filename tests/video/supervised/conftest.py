"""Sources that are supervised, and what holds of all their frames."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.video.open import open_source
from edgeseg.video.source import Frame, Source
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.source import SupervisedSource
from tests.video.namespace import wait_until

SECONDS = 60.0
"""That no single wait here may take; machines that test are slow."""

POLICY = Policy(stall_after=1.0, connect_within=8.0, longest_delay=1.0, personal_delay=1.0)

FAULTS = [
    pytest.mark.usefixtures("no_thread_left", "nothing_left"),
    pytest.mark.skipif(
        not os.environ.get("EDGESEG_FAULTS"), reason="servers that fail take minutes and an idle machine: make faults"
    ),
]


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails if a test leaves a process of ours."""
    before = children()
    yield
    wait_until(lambda: children() <= before, SECONDS)


def children() -> set[int]:
    """Processes that this one started and that are there."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with_children = task / "children"
        found |= {int(pid) for pid in with_children.read_text().split()} if with_children.exists() else set()
    return found


def supervised(
    url: str, said: list[str] | None = None, policy: Policy = POLICY, timeout: float = 5.0
) -> SupervisedSource:
    """Opens it; what is said of it goes into `said`."""
    sentences: list[str] = [] if said is None else said
    source = open_source(url, timeout=timeout, reconnect=policy, say=sentences.append)
    assert isinstance(source, SupervisedSource)
    return source


def read_until(source: Source, condition: Callable[[Frame], bool]) -> list[Frame]:
    """Frames up to the first for which something holds."""
    frames = []
    deadline = time.monotonic() + SECONDS
    for frame in source:
        frames.append(frame)
        if condition(frame):
            return frames
        assert time.monotonic() < deadline
    raise AssertionError(source.ended)


def check_order(frames: list[Frame], lead: float = 0.5) -> None:
    """Numbers and times go on, and times are those of the arrivals; `lead`: seconds that may differ."""
    for earlier, later in itertools.pairwise(frames):
        assert later.index > earlier.index
        assert later.captured > earlier.captured
        assert later.timestamp > earlier.timestamp
    first = frames[0]
    for frame in frames:
        assert frame.timestamp - first.timestamp == pytest.approx(frame.captured - first.captured, abs=lead)
