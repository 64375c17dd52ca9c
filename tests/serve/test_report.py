"""What a service prints: one line each, whoever reads it."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgeseg.serve.event_log import EventLog
from edgeseg.serve.report import LogFormat, Reporter
from edgeseg.serve.service import Service
from tests.video.namespace import wait_until

pytestmark = pytest.mark.usefixtures("no_thread_left")


class Little:
    """A service with events and a status."""

    def __init__(self) -> None:
        self.events = EventLog()

    def status(self) -> Little:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"healthy": True}


def test_events_and_status_are_lines_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    service = Little()
    reporter = Reporter(cast(Service, service), 0.02)
    service.events.add("service", "started", "with\nbreaks")
    lines: list[dict[str, Any]] = []

    def enough() -> bool:
        lines.extend(json.loads(line) for line in capfd.readouterr().out.splitlines())
        return sum("status" in line for line in lines) >= 2

    wait_until(enough)
    service.events.add("service", "stopped", "the end")
    reporter.close()
    enough()
    assert [line["event"]["name"] for line in lines if "event" in line] == ["started", "stopped"]
    assert next(line for line in lines if "status" in line) == {"status": {"healthy": True}}


class Out:
    """A stdout of this descriptor."""

    def __init__(self, handle: int) -> None:
        self.fileno = lambda: handle


def test_a_reader_that_is_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr("sys.stdout", Out(writing))
    service = Little()
    reporter = Reporter(cast(Service, service), 60)
    service.events.add("service", "started", "one")
    wait_until(lambda: not service.events._subscriptions)
    service.events.add("service", "started", "two")
    reporter.close()
    os.close(writing)


def test_a_full_disk_takes_whole_lines_again_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It breaks off in the middle of a line."""
    room, write = [100], os.write

    def full(handle: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(handle, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr("edgeseg.serve.report.RETRY", 0.01)
    with (tmp_path / "out").open("wb") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Out(file.fileno()))
        patch.setattr("edgeseg.serve.report.os.write", full)
        service = Little()
        reporter = Reporter(cast(Service, service), 60)
        for name in ("one", "two", "three"):
            service.events.add("service", name, 60 * "x")
        wait_until(lambda: "stdout takes nothing" in caplog.text)
        room[0] = 10**6
        wait_until(lambda: (tmp_path / "out").read_text().count("\n") == 3)
        reporter.close()
    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["event"]["name"] for line in lines] == ["one", "two", "three"]
    assert caplog.text.count("stdout takes nothing") == 1


def test_a_disk_that_stays_full_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb") as full:
        monkeypatch.setattr("sys.stdout", Out(full.fileno()))
        service = Little()
        reporter = Reporter(cast(Service, service), 60)
        service.events.add("service", "started", "one")
        reporter.close()


def test_a_reader_that_was_slow_gets_one_status_and_not_all_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr("edgeseg.serve.report.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Reporter, "_line", lambda _self, line: lines.append(line))
    service = Little()
    reporter = Reporter(cast(Service, service), 3600.0)
    now[0] = 36000.0
    service.events.add("service", "word", "after ten hours")
    wait_until(lambda: {"status": {"healthy": True}} in lines)
    service.events.add("service", "word", "at once after that")
    reporter.close()
    assert [next(iter(line)) for line in lines] == ["event", "status", "event"]


def test_a_line_of_the_log() -> None:
    def line(name: str, text: str) -> str:
        return LogFormat().format(logging.LogRecord(name, logging.WARNING, "", 0, text, (), None))

    stamp = r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=warning "
    assert re.fullmatch(stamp + r'event=1 text="x"', line("edgeseg.serve.events", 'event=1 text="x"'))
    for name in ("edgeseg", "edgeseg.serve"):
        assert re.fullmatch(stamp + r'text="one\\ntwo \\"x\\""', line(name, 'one\ntwo "x"'))
