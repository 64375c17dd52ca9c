"""Events as they come: server-sent events (HTML standard, 9.2), which a browser takes up again by itself."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edgeseg.serve.event_log import LENGTH, Event
from edgeseg.serve.web.guard import refusal
from edgeseg.serve.web.places import Places
from edgeseg.serve.web.view import View

FIRST = 50
"""Events from before that a new reader gets."""

SILENCE = 15.0
"""Seconds after which an empty line shows that the connection still stands."""


class EventStream:
    """Gives a service's events to any number of readers."""

    def __init__(self, view: View, places: Places) -> None:
        """Of this service; each reader holds a place."""
        self._view = view
        self._places = places
        self._run = secrets.token_hex(4)  # numbers begin anew when a service does

    def route(self) -> Route:
        """Where they are."""
        return Route("/api/events", self.answer)

    async def answer(self, request: Request) -> Response:
        """The last events, or those that a reader missed since the one that he names; then each as it comes."""
        if request.method == "HEAD":  # which has no answer that could last
            return Response(media_type="text/event-stream")
        if self._places.full:
            return refusal(503, "too many read events and videos already; close some", {"Retry-After": "5"})
        run, _, number = request.headers.get("last-event-id", "").rpartition("-")
        seen = int(number) if run == self._run and number.isdecimal() and len(number) < 20 else None
        return StreamingResponse(self._lines(seen), media_type="text/event-stream")

    async def _lines(self, seen: int | None) -> AsyncIterator[str]:
        subscription = self._view.events.subscribe("web")
        try:
            with self._places.place():
                yield "retry: 2000\n\n"
                before = self._view.events.newest(FIRST if seen is None else LENGTH)
                last = seen or 0
                for event in before:
                    if event.number > last:
                        last = event.number
                        yield self._line(event)
                lost, said = 0, time.monotonic()
                while not self._places.ended:
                    event_or_none = await self._places.wait(subscription.get)
                    if subscription.lost > lost:
                        yield f"event: lost\ndata: {subscription.lost - lost}\n\n"
                        lost = subscription.lost
                    if event_or_none is not None and event_or_none.number > last:
                        yield self._line(event_or_none)
                    elif time.monotonic() - said > SILENCE:
                        yield ":\n\n"
                    else:
                        continue
                    said = time.monotonic()
        finally:
            subscription.close()

    def _line(self, event: Event) -> str:
        return f"id: {self._run}-{event.number}\ndata: {json.dumps(event.to_json(), allow_nan=False)}\n\n"
