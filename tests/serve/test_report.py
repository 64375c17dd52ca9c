"""What a service prints: one line each, whoever reads it."""

from __future__ import annotations

import json
import logging
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

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


def test_events_and_status_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    service = Little()
    reporter = Reporter(cast(Service, service), 0.02)
    service.events.add("service", "started", "with\nbreaks")
    lines: list[dict[str, Any]] = []

    def enough() -> bool:
        lines.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return sum("status" in line for line in lines) >= 2

    wait_until(enough)
    service.events.add("service", "stopped", "the end")
    reporter.close()
    enough()
    assert [line["event"]["name"] for line in lines if "event" in line] == ["started", "stopped"]
    assert next(line for line in lines if "status" in line) == {"status": {"healthy": True}}


class Gone:
    """A stdout that nobody reads any more."""

    def __init__(self, file: IO[str]) -> None:
        self.asked = threading.Event()
        self.fileno = file.fileno

    def write(self, text: str) -> int:
        del text
        self.asked.set()
        raise BrokenPipeError

    def flush(self) -> None:
        """Never comes so far."""


def test_a_reader_that_is_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file, monkeypatch.context() as patch:
        service, gone = Little(), Gone(file)
        patch.setattr("sys.stdout", gone)
        reporter = Reporter(cast(Service, service), 60)
        service.events.add("service", "started", "one")
        assert gone.asked.wait(60)
        service.events.add("service", "started", "two")
        reporter.close()


def test_a_reader_that_was_slow_gets_one_status_and_not_all_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr("edgeseg.serve.report.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("edgeseg.serve.report._line", lines.append)
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
    assert re.fullmatch(stamp + r'event=1 text="x"', line("edgeseg.serve", 'event=1 text="x"'))
    assert re.fullmatch(stamp + r'text="one\\ntwo \\"x\\""', line("edgeseg", 'one\ntwo "x"'))
