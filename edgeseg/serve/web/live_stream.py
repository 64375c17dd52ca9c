"""A camera's video in the browser: fragmented MP4 over a WebSocket, for Media Source Extensions.

The server sends, the client only listens: {"mime": "video/mp4; codecs=..."} as text, the initialisation segment, then
fragments; the first two again when the frames' size changes. A client that takes nothing for PATIENCE seconds is left;
until then he loses fragments, and nobody waits for him.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import get_args

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from edgeseg.serve.web.guard import refusal
from edgeseg.serve.web.places import Places
from edgeseg.serve.web.view import Fragments, Kind, Live, View

PATIENCE = 20.0
"""Seconds."""

GONE = 1012
"""Close code: the camera was started anew or taken away; ask again."""


class LiveStream:
    """Gives the videos of a service's cameras to any number of viewers."""

    def __init__(self, view: View, places: Places) -> None:
        """Of this service; each viewer holds a place."""
        self._view = view
        self._places = places

    def route(self) -> WebSocketRoute:
        """Where they are."""
        return WebSocketRoute("/live/{camera}/{kind}", self.answer)

    async def answer(self, socket: WebSocket) -> None:
        """Sends one video until the client leaves."""
        name, kind = socket.path_params["camera"], socket.path_params["kind"]
        camera = self._view.cameras.get(name)
        if camera is None or kind not in get_args(Kind):
            return await socket.send_denial_response(refusal(404, f"there is no video {kind!r:.40} of {name!r:.40}"))
        if camera.live is None:
            return await socket.send_denial_response(refusal(503, f"{name} gives no video; see its pictures"))
        if self._places.full:
            return await socket.send_denial_response(refusal(503, "too many watch already; close some"))
        with self._places.place():
            await socket.accept()
            listening = asyncio.create_task(_listen(socket))
            fragments = camera.live.subscribe(kind)
            try:
                await self._send(socket, name, camera.live, fragments, listening)
            except (WebSocketDisconnect, TimeoutError, asyncio.TimeoutError):
                pass
            finally:
                fragments.close()
                listening.cancel()
        return None

    async def _send(
        self, socket: WebSocket, name: str, live: Live, fragments: Fragments, listening: asyncio.Task[None]
    ) -> None:
        init: bytes | None = None
        while not listening.done() and not self._places.ended:
            fragment = await self._places.wait(fragments.get)
            if fragment is None:
                camera = self._view.cameras.get(name)
                if camera is None or camera.live is not live:
                    break
                continue
            if fragments.init is not init:
                init = fragments.init
                await _within(socket.send_json({"mime": f'video/mp4; codecs="{fragments.codec}"'}))
                await _within(socket.send_bytes(init))
            await _within(socket.send_bytes(fragment))
        if socket.application_state is WebSocketState.CONNECTED and not listening.done():
            await _within(socket.close(GONE))


async def _within(sending: Awaitable[None]) -> None:
    await asyncio.wait_for(sending, PATIENCE)


async def _listen(socket: WebSocket) -> None:
    """Returns when the client has left, or says anything, for which there is nothing to say."""
    await socket.receive()
