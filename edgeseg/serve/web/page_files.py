"""The files of the page: read once, given by fixed paths."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

LOGIN = "/login"

PATHS = {
    "/": "index.html",
    LOGIN: "login.html",
    **{
        f"/page/{name}": name
        for name in (
            "page.css",
            "page.js",
            "camera_card.js",
            "event_list.js",
            "figures.js",
            "latency.js",
            "player.js",
            "icon.svg",
        )
    },
}
"""File names by path."""


def page_routes(without: Collection[str] = ()) -> list[Route]:
    """A route for each path, except these."""
    return [_route(path, name) for path, name in PATHS.items() if path not in without]


def _route(path: str, name: str) -> Route:
    content = files("edgeseg.serve.web").joinpath("page", name).read_bytes()
    kind = TYPES[name[name.index(".") :]]

    async def give(request: Request) -> Response:  # noqa: ARG001
        return Response(content, media_type=kind)

    return Route(path, give)
