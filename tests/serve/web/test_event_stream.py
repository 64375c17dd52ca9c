"""Events as they come, and after a break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

import httpx

from edgeseg.serve.web import event_stream, places
from tests.serve.web.conftest import Served


def _events(answer: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and data of each."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith("id: "):
            name = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_the_last_ones_come_first_and_new_ones_as_they_happen(served: Served) -> None:
    log = served.service.events
    for number in range(event_stream.FIRST + 5):
        log.add("service", "warning", f"before {number}")
    with served.client.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer)
        first = [next(events)[1] for _ in range(event_stream.FIRST)]
        assert [event["number"] for event in first] == list(range(6, event_stream.FIRST + 6))
        added = log.add("rule", "somebody", 'a "text"\nof two lines', "gate", True)
        assert next(events)[1] == added.to_json()


def test_a_reader_goes_on_where_he_stopped(served: Served) -> None:
    log = served.service.events
    log.add("service", "warning", "one")
    with served.client.stream("GET", "/api/events") as answer:
        seen, _ = next(_events(answer))
    log.add("service", "warning", "two")
    log.add("service", "warning", "three")
    with served.client.stream("GET", "/api/events", headers={"Last-Event-ID": seen}) as answer:
        events = _events(answer)
        assert [next(events)[1]["text"] for _ in range(2)] == ["two", "three"]


@pytest.mark.parametrize("seen", ["0000-900", "900", "x-y", "-1", "\xe9", "-" + "9" * 5000])
def test_a_reader_of_another_run_gets_all(served: Served, seen: str) -> None:
    """Numbers begin anew with each run: what he saw is not of this one."""
    served.service.events.add("service", "warning", "one")
    headers = [(b"Last-Event-ID", seen.encode("latin-1"))]
    with served.client.stream("GET", "/api/events", headers=headers) as answer:
        assert next(_events(answer))[1]["text"] == "one"


def test_only_the_head_is_answered_at_once(served: Served) -> None:
    answer = served.client.head("/api/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert served.client.get("/api/status").status_code == 200  # over the same connection


def test_a_reader_who_leaves_is_forgotten(served: Served) -> None:
    with served.client.stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        next(lines)
        assert len(served.service.events._subscriptions) == 1
    served.client.close()
    deadline = time.monotonic() + 20
    while served.service.events._subscriptions:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_there_is_room_for_so_many(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 2)
    request = served.client.build_request("GET", "/api/events")
    readers = [served.client.send(request, stream=True) for _ in range(2)]
    refused = served.client.send(request, stream=True)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert served.client.get("/api/status").status_code == 200
    for answer in (*readers, refused):
        answer.close()
