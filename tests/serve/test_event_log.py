"""Events in order, for any number of followers, of whom a slow one delays nobody."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.event_log import LENGTH, WAITING, Event, EventLog


def test_events_are_numbered_from_one_and_bounded() -> None:
    log = EventLog()
    assert log.newest(5) == []
    for number in range(LENGTH + 3):
        log.add("state", "live", f"camera {number} is live", "gate")
    assert [event.number for event in log.newest(2)] == [LENGTH + 2, LENGTH + 3]
    assert len(log.newest(2 * LENGTH)) == LENGTH
    assert log.newest(0) == []


def test_an_event_is_stamped_with_the_time_in_utc() -> None:
    event = EventLog().add("service", "started", "the service runs")
    assert event.time.tzinfo is timezone.utc
    assert abs(datetime.now(timezone.utc) - event.time) < timedelta(minutes=1)


def test_a_subscriber_gets_what_comes_after_it_came() -> None:
    log = EventLog()
    log.add("service", "started", "before")
    subscription = log.subscribe("test")
    assert subscription.get(0) is None
    added = log.add("rule", "somebody", "somebody is there", "gate", active=True)
    assert subscription.get(0) == added
    subscription.close()
    log.add("service", "stopped", "after")
    assert subscription.get(0) is None
    subscription.close()


def test_a_slow_subscriber_loses_the_oldest_which_is_counted() -> None:
    log = EventLog()
    slow, quick = log.subscribe("slow"), log.subscribe("quick")
    for number in range(WAITING + 7):
        log.add("service", "n", str(number))
        assert quick.get(0) is not None
    assert (slow.lost, quick.lost) == (7, 0)
    first = slow.get(0)
    assert first is not None
    assert first.text == "7"
    slow.lose()
    slow.close()
    assert log.lost() == {"slow": 8}


def test_closing_wakes_who_waits() -> None:
    subscription = EventLog().subscribe("test")
    found: list[Event | None] = []
    thread = threading.Thread(target=lambda: found.append(subscription.get(60)))
    thread.start()
    subscription.close()
    thread.join(30)
    assert found == [None]


def test_each_event_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edgeseg.serve"):
        EventLog().add("rule", "at the gate", 'say "no"\nnow', "gate", active=True, still=Path("/srv/a.jpg"))
    line = 'event=1 camera=gate kind=rule name="at the gate" active=true still=/srv/a.jpg text="say \\"no\\"\\nnow"'
    assert caplog.messages == [line]


@given(st.text(), st.text())
def test_no_text_breaks_the_line(name: str, text: str) -> None:
    line = str(Event(1, datetime.now(timezone.utc), None, "rule", name, text))
    assert line.isprintable()
    assert line.startswith("event=1 kind=rule name=")


def test_json_names_files_without_their_folders() -> None:
    time = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
    event = Event(3, time, "gate", "rule", "r", "t", True, Path("/srv/a.jpg"))
    assert event.to_json() == {
        "number": 3,
        "time": "2026-11-28T12:00:00.000Z",
        "camera": "gate",
        "kind": "rule",
        "name": "r",
        "text": "t",
        "active": True,
        "still": "a.jpg",
        "clip": None,
    }
