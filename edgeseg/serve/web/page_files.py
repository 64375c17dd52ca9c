"""The files of the page: read once, given by fixed paths."""

from __future__ import annotations

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

LOGOUT = "/logout"

LOCKED = b"<!-- with a token -->"
"""Begins the lines of a page that only a service with a token has."""

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


def page_routes(*, locked: bool) -> list[Route]:
    """A route for each path; the door and the way out only where a token locks the service."""
    return [_route(path, name, locked) for path, name in PATHS.items() if locked or path != LOGIN]


def _route(path: str, name: str, locked: bool) -> Route:
    content = files("edgeseg.serve.web").joinpath("page", name).read_bytes()
    if not locked:
        lines = content.splitlines(keepends=True)
        content = b"".join(line for line in lines if not line.lstrip().startswith(LOCKED))
    kind = TYPES[name[name.index(".") :]]

    async def give(request: Request) -> Response:  # noqa: ARG001
        return Response(content, media_type=kind)

    return Route(path, give)
