"""State, pictures, files of events, metrics and health for programs; the page reads the same."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edgeseg.serve.event_log import LENGTH, Event
from edgeseg.serve.web.guard import refusal
from edgeseg.serve.web.metrics import registry
from edgeseg.serve.web.openapi import description
from edgeseg.serve.web.recent import Recent
from edgeseg.serve.web.snapshot import TYPES, Snapshots
from edgeseg.serve.web.view import View

BOUNDS = tuple(10 ** (step / 20 - 3) for step in range(81))
"""Of the bins of `latency`, in seconds: 1 ms to 10 s, 20 bins a decade."""


class Api:
    """Answers for one service."""

    def __init__(self, view: View, snapshots: Snapshots) -> None:
        """Of this service, with pictures from there."""
        self._view = view
        self._snapshots = snapshots
        self._status = Recent(view.status)
        self._text = Recent(self._status_text)
        self._registry = registry(self._status)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/status", self.status),
            Route("/api/cameras/{camera}/{picture}", self.picture),
            Route("/api/events/{number}/{file}", self.event_file),
            Route("/api/openapi.json", self.openapi),
            Route("/metrics", self.metrics),
            Route("/healthz", self.health),
            Route("/livez", self.alive),
        ]

    async def status(self, request: Request) -> Response:  # noqa: ARG002
        """Where the service stands."""
        return Response(self._text(), media_type="application/json")

    async def picture(self, request: Request) -> Response:
        """The newest frame, its mask, or both."""
        camera, name = request.path_params["camera"], request.path_params["picture"]
        if camera not in self._view.cameras or name not in TYPES:
            return refusal(404, f"there is no picture {name!r:.40} of a camera {camera!r:.40}; see /api/openapi.json")
        picture = await self._snapshots.picture(camera, name)
        if picture is None:
            return refusal(503, f"{camera} has given no frame yet; ask again when /api/status says that it is live")
        age = max(0, int(time.perf_counter() - picture.captured))
        return Response(picture.content, media_type=TYPES[name], headers={"Age": str(age)})

    async def event_file(self, request: Request) -> Response:
        """The still or the clip of an event. The service knows where it is; the request gives a number."""
        number, name = request.path_params["number"], request.path_params["file"]
        event = next((each for each in self._view.events.newest(LENGTH) if str(each.number) == number), None)
        path = None if event is None else _file(event, name)
        if path is None or not await run_in_threadpool(path.is_file):  # as its disk may hang
            return refusal(404, f"there is no {name!r:.40} of an event {number!r:.40}; the event says what it has")
        return FileResponse(path)

    async def openapi(self, request: Request) -> Response:  # noqa: ARG002
        """What this API is, in OpenAPI 3.1."""
        return JSONResponse(description())

    async def metrics(self, request: Request) -> Response:
        """Figures for Prometheus, in the format that it asks for."""
        try:
            encode, kind = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # a version that is none
            encode, kind = choose_encoder("")
        return Response(encode(self._registry), headers={"Content-Type": kind})

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """200 while every camera is live or connects for the first time, else 503."""
        status = self._status()
        live = sum(camera.state == "live" for camera in status.cameras)
        answer = {"healthy": status.healthy, "live": live, "cameras": len(status.cameras)}
        return JSONResponse(answer, 200 if status.healthy else 503)

    async def alive(self, request: Request) -> Response:  # noqa: ARG002
        """200 while the network works, wherever the cameras are, else 503: only a new start helps."""
        well = self._view.is_well()
        return JSONResponse({"well": well}, 200 if well else 503)

    def _status_text(self) -> bytes:
        status = self._status()
        data: dict[str, Any] = {**status.to_json(), "latency_bounds": [round(1e3 * bound, 3) for bound in BOUNDS]}
        for camera, described in zip(status.cameras, data["cameras"], strict=True):
            described["latency"] = camera.stages["capture_to_mask"].cumulative(BOUNDS)
        return json.dumps(data, allow_nan=False, separators=(",", ":")).encode()


def _file(event: Event, name: str) -> Path | None:
    return {"still": event.still, "clip": event.clip}.get(name)
