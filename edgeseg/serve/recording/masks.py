"""Masks as video without loss, and their classes' fractions as JSON lines.

The video is FFV1 (RFC 9043) in Matroska (RFC 9559), a standard that archives use: masks of 1920x1080 take about two
thirds of the bytes of PNGs, and one file a minute instead of a thousand. Its grey levels are class ids; the class
table is in the file's metadata. Masks of labels that may overlap lie below each other.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np

from edgeseg.arrays import Mask
from edgeseg.serve.figures import fractions
from edgeseg.serve.recording.encoder import Output
from edgeseg.serve.recording.idle import Idle
from edgeseg.serve.recording.piece import Header, Piece
from edgeseg.serve.result_queue import ResultQueue
from edgeseg.video.model import Result

if TYPE_CHECKING:
    from av.container import OutputContainer

_log = logging.getLogger("edgeseg.serve")

MASKS, FRACTIONS = "masks", "fractions"

FRAMES = 8
"""Masks that wait to be encoded; of more, the oldest are lost."""

# Level 3 with sums of every slice, each mask by itself; Golomb-Rice codes runs of equal ids, twice as fast as ranges.
_FFV1 = {"level": "3", "coder": "rice", "context": "0", "slicecrc": "1", "g": "1"}
_MUXER = {"cluster_time_limit": "1000", "flush_packets": "1"}
_RATE = 25
"""Of the header alone: time stamps, in milliseconds, say when a mask shows."""


class MaskTracks:
    """Encodes masks and fractions in a thread of its own."""

    def __init__(
        self,
        camera: str,
        classes: tuple[str, ...],
        seconds: float,
        deliver: Callable[[Piece], None],
        *,
        masks: bool,
        fractions: bool,
    ) -> None:
        """Starts the thread.

        Args:
            camera: its name.
            classes: names by class id.
            seconds: of UTC that a file spans.
            deliver: gets pieces of the tracks MASKS and FRACTIONS.
            masks: whether masks are wanted.
            fractions: whether fractions are wanted.
        """
        self._camera, self._classes, self._seconds, self._deliver = camera, classes, seconds, deliver
        self._masks = masks
        self._lines = _Lines(camera, classes, deliver) if fractions else None
        self._results: ResultQueue[tuple[Result, float]] = ResultQueue(FRAMES)
        self._unencoded = 0
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-masks", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Results that came too fast, or whose mask could not be encoded."""
        return self._results.lost + self._unencoded

    def put(self, result: Result, now: float) -> None:
        """Takes a result; it never waits."""
        self._results.put((result, now))

    def gap(self) -> None:
        """What follows goes into another file."""
        self._results.gap()

    def close(self, seconds: float) -> None:
        """Encodes what waits and ends the thread, within so many seconds."""
        self._results.close()
        self._thread.join(seconds)

    def _run(self) -> None:
        video: _MaskVideo | None = None
        idle = Idle()
        while True:
            over = self._results.over
            if (item := self._results.take(idle.seconds)) is None:
                if video is not None:
                    video.close()
                    video = None
                if self._lines is not None:
                    self._lines.flush()
                if over:
                    return
                continue
            result, now = item
            idle.see(result.captured)
            if self._lines is not None:
                self._lines.add(result, now, math.floor(now / self._seconds))
            if self._masks:
                try:
                    video = self._encode(video, result, now)
                except (av.FFmpegError, ValueError) as error:  # the next file may fare better
                    video = None
                    self._unencoded += 1
                    _log.warning("a mask of %s is not recorded: %s", self._camera, error)

    def _encode(self, video: _MaskVideo | None, result: Result, now: float) -> _MaskVideo:
        assert result.mask is not None
        key = math.floor(now / self._seconds), result.mask.shape
        if video is not None and video.key != key:
            video.close()
            video = None
        if video is None:
            labels = bool(result.labels)
            video = _MaskVideo(key, self._camera, self._classes, now, labels, self._deliver)
        video.write(result.mask, now, result.captured)
        return video


class _MaskVideo:
    """One file's masks, as pieces: clusters of a second."""

    def __init__(
        self,
        key: tuple[int, tuple[int, ...]],
        camera: str,
        classes: tuple[str, ...],
        now: float,
        labels: bool,
        deliver: Callable[[Piece], None],
    ) -> None:
        self.key = key
        self._deliver = deliver
        self._output = Output()
        self._container: OutputContainer = av.open(cast("Any", self._output), "w", format="matroska", options=_MUXER)
        height, width = math.prod(key[1][:-1]), key[1][-1]
        self._stream = self._container.add_stream("ffv1", rate=_RATE, options=_FFV1)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "gray"
        self._stream.codec_context.time_base = self._stream.time_base = Fraction(1, 1000)
        self._stream.codec_context.thread_count = 1
        self._container.metadata["EDGESEG"] = json.dumps(
            {"camera": camera, "start": _iso(now), "classes": list(classes), "layout": "labels" if labels else "ids"}
        )
        self._container.start_encoding()
        self._header: Header | None = None
        self._started: float | None = None
        self._last = -1
        self._times: deque[tuple[float, float]] = deque()

    def write(self, mask: Mask, now: float, captured: float) -> None:
        if self._started is None:
            self._started = captured
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(mask.reshape(-1, mask.shape[-1])), format="gray")
        self._last = max(self._last + 1, round(1000 * (captured - self._started)))
        frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
            self._cut(len(self._times))  # a cluster is written when the packet after it comes
        self._times.append((now, captured))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._cut(len(self._times))

    def _cut(self, frames: int) -> None:
        """Hands over what was written: the header first, then clusters, which hold so many frames."""
        data = bytes(self._output.data)
        if self._header is None:
            at = data.find(_CLUSTER)
            self._header = Header(data if at < 0 else data[:at])
            data = data[len(self._header.data) :]
            del self._output.data[: len(self._header.data)]
        if data:
            self._output.data.clear()
            times = [self._times.popleft() for _ in range(frames)]
            self._deliver(Piece(MASKS, self._header, data, frames, *times[0]))


_CLUSTER = b"\x1f\x43\xb6\x75"
"""The id of Matroska's clusters."""


class _Lines:
    """Fractions of each mask, a JSON line each, as pieces of a second."""

    def __init__(self, camera: str, classes: tuple[str, ...], deliver: Callable[[Piece], None]) -> None:
        self._classes, self._deliver = classes, deliver
        first = json.dumps({"camera": camera, "classes": list(classes)}) + "\n"
        self._header = Header(first.encode())
        self._lines: list[str] = []
        self._times: list[tuple[float, float]] = []
        self._key: tuple[int, int] = (0, 0)

    def add(self, result: Result, now: float, span: int) -> None:
        assert result.mask is not None
        key = span, math.floor(now)
        if key != self._key:
            self.flush()
        self._key = key
        shares = {name: round(share, 6) for name, share in fractions(result.mask, self._classes).items()}
        self._lines.append(json.dumps({"time": _iso(now), "fractions": shares}) + "\n")
        self._times.append((now, result.captured))

    def flush(self) -> None:
        if self._lines:
            data = "".join(self._lines).encode()
            self._deliver(Piece(FRACTIONS, self._header, data, len(self._lines), *self._times[0]))
            self._lines.clear()
            self._times.clear()


def _iso(seconds: float) -> str:
    """UTC by ISO 8601, to the millisecond."""
    time = datetime.fromtimestamp(seconds, timezone.utc)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
