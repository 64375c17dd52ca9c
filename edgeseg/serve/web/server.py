"""The server: uvicorn in a thread of its own, beside the cameras."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgeseg.errors import UsageError
from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web.app import App
from edgeseg.serve.web.listener import listen_at
from edgeseg.serve.web.view import View

PATIENCE = 2.0
"""Seconds that closing waits for answers that are being sent."""

REQUEST_SECONDS = 10.0
"""That a client may take from its connection, or the answer before, to the end of its request; TLS takes no longer."""

ANSWER_SECONDS = 20.0
"""That a client may take for the next bytes of an answer."""

LONGEST_HEAD = 16384
"""Bytes of a request before its body."""

LONGEST_MESSAGE = 1024
"""Bytes that a client may send over a WebSocket, where it has nothing to say."""


class WebServer:
    """Serves page, API and metrics of a service. The port is its from the beginning; answers come from `start` on.

    Attributes:
        port: that it listens at.
        url: of the page.
    """

    def __init__(self, view: View, listen: ListenSettings) -> None:
        """Opens the port.

        Args:
            view: the service.
            listen: where, and for whom.

        Raises:
            UsageError: something else listens there, or the certificate cannot be used.
        """
        self._app = App(view, listen)
        config = uvicorn.Config(
            self._app.guarded,
            loop=f"{__name__}:Loop",
            http=Protocol,
            ws="wsproto",
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # video is compressed
            lifespan="off",
            log_config=None,
            log_level="critical",  # what fails is said by `Guard`
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=int(REQUEST_SECONDS),
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            ssl_certfile=listen.certificate,
            ssl_keyfile=listen.key,
        )
        try:
            config.load()
        except OSError as error:  # of which SSLError is one
            what = f"{listen.certificate} and {listen.key} are no certificate in PEM with its key"
            raise UsageError(f"{what} ({error}); check both") from error
        if config.ssl is not None:
            config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        self._socket = listen_at(listen)
        self.port: int = self._socket.getsockname()[1]
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        self.url = f"{'http' if listen.certificate is None else 'https'}://{host}:{self.port}/"
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="edgeseg-web", daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends all answers and frees the port, within PATIENCE; more calls do nothing."""
        self._app.end()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)
        self._app.close()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


class Loop(asyncio.SelectorEventLoop):
    """asyncio's, with an end to clients that begin no TLS, or all too slowly: it would wait a minute for them."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        """A server, as asyncio's own."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = REQUEST_SECONDS
        return await super().create_server(*arguments, **options)


class Protocol(H11Protocol):
    """HTTP/1.1, with an end to clients that connect and ask for nothing, or all too slowly, or take no answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._asking = self._abort_after(REQUEST_SECONDS)
        self._taking: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._asking.cancel()
        if self._taking is not None:
            self._taking.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        self._asking.cancel()
        self._asking = self._abort_after(REQUEST_SECONDS)
        super().on_response_complete()

    def handle_events(self) -> None:
        """Takes what came; when it was all of a request, there is nothing to wait for."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY, h11.ERROR):
            self._asking.cancel()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hands over to uvicorn's WebSocket, for which `LiveStream` sets the ends: the request is all there."""
        self._asking.cancel()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP; a connection on which an answer has begun takes no other, and ends."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever answers still has nobody to answer

    def pause_writing(self) -> None:
        """Begins to wait for the client to take what is there."""
        super().pause_writing()
        self._taking = self._abort_after(ANSWER_SECONDS)

    def resume_writing(self) -> None:
        """Goes on with the answer."""
        if self._taking is not None:
            self._taking.cancel()
        super().resume_writing()

    def _abort_after(self, seconds: float) -> asyncio.TimerHandle:
        """Ends the connection then, and does not wait for what the client has not taken."""
        return self.loop.call_later(seconds, self.transport.abort)
