"""What runs in a supervised source's process: it opens the source when told to, and sends its frames.

`main(HANDLE)` talks over the socket of that number. Commands are {"connect": NUMBER, "request": ...} and
{"close": true}; answers carry the connection's number: "connecting" once the process has started, "opened", frames, and
"lost" with its cause when the connection has ended. The process ends with its parent, however that one ends.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from dataclasses import asdict
from typing import Any

import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import EdgeSegError, SourceError
from edgeseg.video.open import is_stream, open_source
from edgeseg.video.source import Frame, Skipped, Source
from edgeseg.video.supervised.channel import Channel
from edgeseg.video.supervised.life import HOPELESS
from edgeseg.video.supervised.memory import FrameWriter
from edgeseg.video.supervised.request import Request

ROWS = 64
"""That are compared at once: a picture that moves differs in the first ones, and the rest need not be looked at."""


def main(handle: int) -> None:
    """Serves until it is told to close, or the parent is gone."""
    child = Child(Channel(socket.socket(fileno=handle)))
    threading.Thread(target=child.listen, name="edgeseg-commands", daemon=True).start()
    while True:
        child.connect(*child.commands.get())


class Child:
    """One source at a time, connected as often as the parent asks.

    Attributes:
        commands: connections that were asked for, with their numbers.
    """

    def __init__(self, channel: Channel) -> None:
        self.commands: queue.SimpleQueue[tuple[int, Request]] = queue.SimpleQueue()
        self._channel = channel
        self._frames = FrameWriter()
        self._source: Source | None = None
        self._last: Frame | None = None
        self._same_since = 0.0

    def listen(self) -> None:
        """Takes commands; the process ends when told to, or with the parent."""
        while (received := self._channel.receive()) is not None:
            command, _ = received
            if "close" in command:
                break
            self.commands.put((command["connect"], Request.from_json(command["request"])))
        if (source := self._source) is not None:
            source.close()  # a camera counts its sessions, and is told that this one ends
        os._exit(0)

    def connect(self, number: int, request: Request) -> None:
        """Opens the source and sends its frames, until there are no more."""
        try:
            if is_stream(request.source):
                import edgeseg.video.network  # noqa: F401 - FFmpeg takes seconds to load on slow machines
            self._send(number, {"connecting": True})
            cause, reason = self._stream(number, request)
        except SourceError as error:
            cause, reason = error.cause, str(error)
        except EdgeSegError as error:
            cause, reason = HOPELESS, str(error)
        except BrokenPipeError:
            os._exit(0)
        except Exception as error:  # its words may hold the URL
            cause, reason = "crashed", f"failed with an unforeseen {type(error).__name__}"
        self._source = self._last = None
        self._send(number, {"lost": cause, "reason": reason})
        if threading.active_count() > 2:  # one is stuck in a driver or decoder
            os._exit(0)

    def _stream(self, number: int, request: Request) -> tuple[str, str]:
        """Sends frames to the end; why it came, in a word and a sentence."""
        with open_source(
            request.source, timeout=request.timeout, options=request.options, access=request.access
        ) as source:
            if not source.live:
                return HOPELESS, f"{source.name} is no live source: it has an end; read it without --reconnect"
            self._source = source
            fps = None if source.fps is None else [source.fps.numerator, source.fps.denominator]
            self._send(number, {"opened": True, "fps": fps})
            unsent = Skipped()
            warnings = 0
            for frame in source:
                new = source.warnings[warnings:]
                warnings += len(new)
                if (placed := self._frames.put(frame.image)) is None:
                    unsent.replaced += 1
                    continue
                slot, handle = placed
                message = {
                    "slot": slot,
                    "size": frame.image.shape[:2],
                    "index": frame.index,
                    "timestamp": frame.timestamp,
                    "captured": frame.captured,
                    "seconds": frame.seconds,
                    "unchanged": self._unchanged(frame),
                    "skipped": _sum(source.skipped, unsent),
                    "warnings": new,
                }
                try:
                    self._send(number, message, handle)
                finally:
                    if handle is not None:
                        os.close(handle)
        self._send(number, {"skipped": _sum(source.skipped, unsent)})
        reason = source.ended.reason if source.ended is not None else None
        return source.cause or "closed", reason or f"{source.name} gave no more frames"

    def _unchanged(self, frame: Frame) -> float:
        """Seconds since the picture is the same, to the last bit."""
        if self._last is None or not same(self._last.image, frame.image):
            self._same_since = frame.captured
        self._last = frame
        return frame.captured - self._same_since

    def _send(self, number: int, message: dict[str, Any], handle: int | None = None) -> None:
        self._channel.send({"number": number, **message}, handle)


def same(one: Image, other: Image) -> bool:
    """Whether two pictures are equal; found out soon where they are not."""
    if one.shape != other.shape:
        return False
    return all(np.array_equal(one[top : top + ROWS], other[top : top + ROWS]) for top in range(0, len(one), ROWS))


def _sum(one: Skipped, other: Skipped) -> dict[str, int]:
    return {name: number + getattr(other, name) for name, number in asdict(one).items()}
