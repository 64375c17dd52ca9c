"""What every request has to pass, and what every answer carries.

Without a token only this machine reaches the service, and the browsers on it must not lend themselves to web sites:
Host has to name this machine (a site whose name is made to point here has its own name there), and requests that other
sites' pages make are refused. With a token, each request shows it.
"""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from edgeseg.engines import first_line
from edgeseg.serve.web.token import Token

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with "no-referrer" a browser sends the form of the login with a null origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_log = logging.getLogger("edgeseg.serve")


class Guard:
    """Lets through what may come in."""

    def __init__(self, app: ASGIApp, host: str, token: Token | None, open_paths: frozenset[str]) -> None:
        """Stands before an application.

        Args:
            app: the application.
            host: by which the service is reached, beside the names that every machine has for itself.
            token: that a client has to know; None: none, and the Host header has to name this machine.
            open_paths: that are given without it too.
        """
        self._app = app
        self._host = host.lower()
        self._token = token
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what is refused, and hands on the rest."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        except ClientDisconnected:  # from a WebSocket, before there was an answer
            return
        except Exception as error:  # uvicorn would write a trace for each, which anybody could fill the log with
            _log.error("no answer to %.80r: %s: %s", scope["path"], type(error).__name__, first_line(error))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    async def _refusal(self, request: HTTPConnection) -> Response | None:
        """Why a request may not come in; None if it may."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1:
            return refusal(400, f"got {len(hosts)} Host headers, expected one")
        if self._token is None and not self._is_here(hosts[0]):
            return refusal(421, f"the name {hosts[0]!r:.80} is not this service's; use {self._host}")
        if _is_foreign(request.headers, hosts[0]):
            return refusal(403, "another site's page asked for this; open the service's own page")
        path = request.scope["path"]  # not request.url.path, which the Host header has a part in
        if self._token is None or path in self._open_paths or self._token.knows(request):
            return None
        if path == "/" and request.scope["type"] == "http":
            return RedirectResponse("/login", 303)
        await self._token.refuse(request)
        return refusal(401, "this needs the service's token", {"WWW-Authenticate": "Bearer"})

    def _is_here(self, host: str) -> bool:
        """Whether a Host header names this machine: by "localhost", a loopback address, or the configured name."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in ("localhost", self._host):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON that says what is wrong."""
    return JSONResponse({"error": sentence}, status, headers)


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another origin made this request; to be led here by a link is fine."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower())
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode")
    return site not in ("none", "same-origin") and mode != "navigate"
