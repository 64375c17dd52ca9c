"""The token that opens a service to other machines: in a header for programs, as a cookie for browsers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from edgeseg.serve.web.page_files import LOGIN

COOKIE_SECONDS = 30 * 24 * 3600

REFUSAL_SECONDS = 1.0
"""How long whoever shows a wrong one waits for the answer."""

LOG_SECONDS = 10.0
"""Between two lines of the log about wrong ones."""

LONGEST_FORM = 8192
"""Bytes of what the form sends."""

_log = logging.getLogger("edgeseg.serve")


class Token:
    """Recognises those who know it. All comparisons take the same time, whatever is shown."""

    def __init__(self, token: str, *, secure: bool) -> None:
        """Keeps it.

        Args:
            token: what clients have to know.
            secure: the service speaks TLS alone, so the cookie is sent over nothing else.
        """
        self._token = token.encode()
        # The cookie is another secret that only the token leads to: a browser's files do not tell the token.
        self._cookie = hmac.digest(self._token, b"edgeseg page", hashlib.sha256).hex().encode()
        # Browsers give one port's cookies to all of a host: services with tokens of their own need names of their own.
        self._name = "edgeseg-" + hmac.digest(self._token, b"edgeseg name", hashlib.sha256).hex()[:8]
        self._secure = secure
        self._logged = -LOG_SECONDS
        self._refusals = 0

    def knows(self, request: HTTPConnection) -> bool:
        """Whether a request shows it, as "Authorization: Bearer TOKEN" or by the cookie."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(shown.strip().encode(), self._token)
        return hmac.compare_digest(request.cookies.get(self._name, "").encode(), self._cookie)

    async def refuse(self, request: HTTPConnection) -> None:
        """Makes who showed a wrong one wait, and says it in the log."""
        self._refusals += 1
        if time.monotonic() - self._logged >= LOG_SECONDS:
            who = "somebody" if request.client is None else request.client.host
            _log.warning("wrong or no token: refused %d since the last such line, now from %s", self._refusals, who)
            self._logged, self._refusals = time.monotonic(), 0
        if "authorization" in request.headers or self._name in request.cookies or request.scope.get("method") == "POST":
            await asyncio.sleep(REFUSAL_SECONDS)

    async def log_in(self, request: Request) -> Response:
        """Takes the form of the login page: the cookie and the way to the page, or the way back."""
        form = b""
        try:
            async for piece in request.stream():
                form += piece
                if len(form) > LONGEST_FORM:
                    return Response("the form is too long", 413, {"Connection": "close"})
        except ClientDisconnect:
            return Response("the form is not whole", 400)  # to nobody
        shown = parse_qs(form.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if not hmac.compare_digest(shown.encode(), self._token):
            await self.refuse(request)
            return RedirectResponse(f"{LOGIN}#wrong", 303)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            self._name, self._cookie.decode(), COOKIE_SECONDS, secure=self._secure, httponly=True, samesite="strict"
        )
        return response

    async def log_out(self, request: Request) -> Response:  # noqa: ARG002
        """Takes the cookie back from a browser, whether it is still good or not, and leads to the door."""
        response = RedirectResponse(LOGIN, 303)
        response.delete_cookie(self._name, secure=self._secure, httponly=True, samesite="strict")
        return response
