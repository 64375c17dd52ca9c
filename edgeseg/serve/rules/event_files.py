"""A still and a clip of an event: its frame, and the seconds before it from the fragments that wait in a ring."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path

import cv2

from edgeseg.arrays import Image
from edgeseg.atomic import new_file
from edgeseg.errors import OutputError
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording import mp4
from edgeseg.serve.recording.fragments import Kind, LiveVideo
from edgeseg.serve.recording.names import file_name
from edgeseg.serve.recording.piece import Piece

BEFORE = 10
"""Fragments of a second, or what there is of them, in a clip; the last one holds the event."""

WAITING = 8
"""Events that wait for the disk; those that come while so many do have no files."""

Job = tuple[Image, float, Path, Path]


class EventFiles:
    """Writes them, in a thread of its own; the names are known at once."""

    def __init__(self, folder: Path, camera: str, live: LiveVideo, kind: Kind, events: EventLog) -> None:
        """Begins to keep fragments.

        Args:
            folder: where files go, as recordings do: names are alike, and so they are deleted with them.
            camera: its name.
            live: its video, which this keeps encoding.
            kind: of the video.
            events: told of what cannot be written.
        """
        self._folder, self._camera, self._events = folder, camera, events
        self._live, self._kind = live, kind
        self._ring = live.subscribe(kind, BEFORE + 4)  # while one is written, more come
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-events", daemon=True)
        self._thread.start()

    def add(self, frame: Image, now: float, captured: float, ending: str) -> tuple[Path, Path] | None:
        """Names of still and clip, which are there within a few seconds; None while the disk is behind.

        Args:
            frame: BGR uint8 (H, W, 3).
            now: when it was captured, in seconds since the epoch.
            captured: the same on time.perf_counter().
            ending: of the names, without extension.
        """
        ending = f"-{int(now % 1 * 1000):03d}{ending}"
        still, clip = (self._folder / file_name(self._camera, now, ending + suffix) for suffix in (".jpg", ".mp4"))
        if self._jobs.qsize() >= WAITING:
            return None
        self._jobs.put((frame, captured, still, clip))
        return still, clip

    def close(self, seconds: float) -> None:
        """Writes what waits, within so many seconds; clips end where the video does."""
        self._closed.set()
        self._jobs.put(None)
        self._thread.join(seconds)
        self._ring.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            frame, captured, still, clip = job
            try:
                _, jpeg = cv2.imencode(".jpg", frame)
                with new_file(still) as path:
                    path.write_bytes(jpeg.tobytes())
                pieces = self._pieces(captured)
                if not pieces:
                    raise OutputError(f"there was no video for {clip}")
                with new_file(clip) as path:
                    path.write_bytes(_film(pieces))
            except OutputError as error:
                self._events.add("recording", "event_files", f"an event lacks its files: {error}", self._camera)

    def _pieces(self, captured: float) -> list[Piece]:
        """The fragments up to that which holds a moment of time.perf_counter(), as soon as it is whole."""
        deadline = time.monotonic() + self._live.idle(self._kind) + 2.0
        while True:
            ring = self._ring.waiting()
            if any(piece.captured > captured for piece in ring) or time.monotonic() > deadline or self._closed.is_set():
                break
            time.sleep(0.05)
        pieces = [piece for piece in ring if piece.captured <= captured][-BEFORE:]
        return [piece for piece in pieces if piece.header is pieces[-1].header]


def _film(pieces: list[Piece]) -> bytes:
    """An MP4 file of fragments that follow one header; it begins at 0."""
    start = mp4.decode_time(pieces[0].data)
    return pieces[0].header.data + b"".join(mp4.earlier(piece.data, start) for piece in pieces)
