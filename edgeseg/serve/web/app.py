"""All routes of a service, behind their guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web.api import Api
from edgeseg.serve.web.event_stream import EventStream
from edgeseg.serve.web.guard import Guard, refusal
from edgeseg.serve.web.live_stream import LiveStream
from edgeseg.serve.web.page_files import LOGIN, LOGOUT, PATHS, page_routes
from edgeseg.serve.web.places import Places
from edgeseg.serve.web.snapshot import Snapshots
from edgeseg.serve.web.token import Token
from edgeseg.serve.web.view import View


class App:
    """An ASGI application.

    Attributes:
        routes: for its description and its tests.
        guarded: the application, for a server.
    """

    def __init__(self, view: View, listen: ListenSettings) -> None:
        """Makes it.

        Args:
            view: the service.
            listen: where it is served.
        """
        self._snapshots = Snapshots(view)
        self._places = Places()
        token = None if listen.token is None else Token(listen.token, secure=listen.certificate is not None)
        self.routes: list[BaseRoute] = [
            *page_routes(locked=token is not None),
            *Api(view, self._snapshots).routes(),
            EventStream(view, self._places).route(),
            LiveStream(view, self._places).route(),
        ]
        if token is not None:
            self.routes.append(Route(LOGIN, token.log_in, methods=["POST"]))
            self.routes.append(Route(LOGOUT, token.log_out, methods=["POST"]))
        app = Starlette(routes=self.routes, exception_handlers={HTTPException: _refuse, Exception: _fail})
        app.router.redirect_slashes = False
        open_paths = frozenset({"/healthz", "/livez", LOGOUT, *PATHS} - {"/"})
        self.guarded: ASGIApp = Guard(app, listen.host, token, open_paths)

    def end(self) -> None:
        """Ends the answers that last: events and videos."""
        self._places.ended = True

    def close(self) -> None:
        """Frees the threads, when nothing is asked for any more."""
        self._places.close()
        self._snapshots.close()


async def _refuse(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: paths and methods that there are not."""
    assert isinstance(error, HTTPException)
    sentence = {404: "there is nothing here; see /api/openapi.json", 405: f"{request.method} is not for this path"}
    return refusal(error.status_code, sentence.get(error.status_code, error.detail), dict(error.headers or {}))


async def _fail(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """What nobody has foreseen, which `Guard` says in the log."""
    return refusal(500, "this could not be answered; the service's log says why")
