"""A camera's recording: its video, masks and fractions, in files that a thread of its own writes.

A disk that is full or gone pauses it, as does one that hangs; it says so, counts what is lost, and goes on when the
disk does. Whoever puts results never waits for any of that.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from edgeseg.counted import counted
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import Kind, LiveVideo
from edgeseg.serve.recording.masks import FRACTIONS, MASKS, MaskTracks
from edgeseg.serve.recording.piece import Piece, PieceQueue
from edgeseg.serve.recording.retention import AgeClock, delete_old, missing_room
from edgeseg.serve.recording.segments import LINES, Segments, finish_leftovers
from edgeseg.serve.settings import RecordingSettings
from edgeseg.serve.status import RecordingStatus
from edgeseg.video.model import Result

WAITING = 30
"""Pieces that wait for the disk: about ten seconds of three tracks."""

HANGING = 5.0
"""Seconds without an answer after which a disk hangs."""

RETRY = 10.0
"""Seconds from one attempt to write to the next, while the disk is full or gone."""

LATEST = 120.0
"""Seconds more in which only the track that failed is tried: after that it may be one that comes no more."""

SENTENCES = 1000
"""About files, that are remembered so as not to be told again."""


class Recorder:
    """Records one camera; a sink of its results."""

    def __init__(
        self,
        settings: RecordingSettings,
        camera: str,
        live: LiveVideo,
        events: EventLog,
        classes: tuple[str, ...],
        folders: Callable[[], Iterable[Path]] = tuple,
    ) -> None:
        """Begins; what killed runs left in the folder is finished first.

        Args:
            settings: what is recorded, and where.
            camera: its name.
            live: its video, which this keeps encoding.
            events: told when it pauses and resumes.
            classes: names by class id.
            folders: returns those of all cameras that now leave room on their disks.
        """
        self._settings, self._camera, self._live, self._events = settings, camera, live, events
        self._folders = folders
        self._kind: Kind = "overlay" if settings.overlay else "plain"
        self._lock = threading.Lock()  # guards the three that follow
        self._clock = AgeClock()
        self._reason: str | None = None
        self._busy_since: float | None = None
        self._lost_before = 0
        self._retry_at = 0.0
        self._failed_track: str | None = None  # of the piece that could not be written
        self._sentences: deque[str] = deque(maxlen=SENTENCES)
        endings = {self._kind: ".mp4", MASKS: "-masks.mkv", FRACTIONS: f"-fractions{LINES}"}
        self._segments = {
            track: Segments(settings.folder, camera, ending, settings.segment_seconds)
            for track, ending in endings.items()
        }
        self._pieces = PieceQueue(WAITING)
        self._masks: MaskTracks | None = None
        if settings.masks or settings.fractions:
            self._masks = MaskTracks(
                camera,
                classes,
                settings.segment_seconds,
                self._pieces.put,
                masks=settings.masks,
                fractions=settings.fractions,
            )
        live.connect(self._kind, self._pieces)
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-disk", daemon=True)
        self._thread.start()

    def put(self, result: Result, now: float) -> None:
        """Takes a result, as `edgeseg.serve.sink.Sink` says; the video comes from the `LiveVideo`."""
        if self._masks is not None:
            self._masks.put(result, now)
        self._watch()

    def gap(self) -> None:
        """What follows goes into other files."""
        if self._masks is not None:
            self._masks.gap()

    @property
    def status(self) -> RecordingStatus:
        """Where it stands now."""
        self._watch()
        every = self._segments.values()
        return RecordingStatus(
            recording=self._reason is None,
            reason=self._reason,
            segments=sum(each.finished for each in every),
            bytes=sum(each.bytes for each in every),
            lost=self._lost(),
        )

    def close(self, seconds: float) -> None:
        """Finishes the files within so many seconds; a disk that hangs keeps what it has of them for the next start."""
        deadline = time.monotonic() + seconds
        self._live.disconnect(self._kind, self._pieces)
        if self._masks is not None:
            self._masks.close(seconds)
        self._pieces.close()
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _lost(self) -> int:
        """Frames that were not recorded, of the track that lost most."""
        lost = self._pieces.lost
        masks = 0 if self._masks is None else self._masks.lost
        video = self._live.lost(self._kind) + lost.get(self._kind, 0)
        return max(video, masks + lost.get(MASKS, 0), masks + lost.get(FRACTIONS, 0))

    def _run(self) -> None:
        """What the thread does."""
        self._begin()
        self._finish_leftovers()
        self._end()
        while True:
            piece = self._pieces.next(self._settings.segment_seconds)
            if self._waits(piece):
                if piece is not None:
                    self._pieces.lose(piece)
                continue
            self._begin()
            try:
                self._write(piece)
            except OSError as error:
                self._end()
                if piece is not None:
                    self._pieces.lose(piece)
                self._retry_at = time.monotonic() + RETRY
                self._failed_track = None if piece is None else piece.track
                self._pause(_reason(error, self._settings.folder))
            else:
                self._end()
                if piece is not None:
                    self._resume()
            if piece is None and self._pieces.closed:
                return

    def _waits(self, piece: Piece | None) -> bool:
        """Whether it is too early to try again, with what failed: a line of fractions fits on a disk that is full."""
        if self._reason is None or self._pieces.closed:
            return False
        other = piece is not None and self._failed_track not in (None, piece.track)
        return time.monotonic() < self._retry_at + (LATEST if other else 0.0)

    def _write(self, piece: Piece | None) -> None:
        """Writes a piece; none came for the length of a file, or there will be no more: what there is is finished."""
        if piece is None:
            with ExitStack() as stack:  # each of them, whatever becomes of the others
                stack.callback(self._delete_old)  # the last: a camera that is away keeps no file too long
                for each in self._segments.values():
                    stack.callback(each.finish)
            return
        if self._reason is not None:
            self._finish_leftovers()
        if missing_room(self._settings):
            self._delete_old()
            if missing := missing_room(self._settings):
                raise OSError(errno.ENOSPC, f"{missing} bytes less than keep_free are left")
        if self._segments[piece.track].write(piece):
            self._delete_old()

    def _finish_leftovers(self) -> None:
        for sentence in finish_leftovers(self._settings.folder):
            self._tell("recovered", sentence)

    def _delete_old(self) -> None:
        """Deletes what the settings do not keep; a file that cannot be deleted is no reason not to record."""
        present = sum(each.present for each in self._segments.values())
        now = self._clock.now(time.time(), time.monotonic())
        delete_old(self._settings, self._camera, now, present, self._undeleted, self._folders())
        most, seconds = self._settings.keep_bytes, self._settings.segment_seconds
        if most is not None and sum(each.last for each in self._segments.values()) > most:
            what = f"files of {seconds:g} seconds are larger than keep_bytes, {most}, and are deleted when finished"
            self._tell("unkept", f"{what}; take more, or a smaller segment_seconds")

    def _undeleted(self, path: Path, error: OSError) -> None:
        self._tell("undeleted", f"{path} cannot be deleted: {error.strerror or error}")

    def _tell(self, name: str, sentence: str) -> None:
        """Tells what comes up at each attempt once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)
            self._events.add("recording", name, sentence, self._camera)

    def _begin(self) -> None:
        """The disk is asked for something."""
        with self._lock:
            self._busy_since = time.monotonic()

    def _end(self) -> None:
        """It has answered."""
        with self._lock:
            self._busy_since = None

    def _watch(self) -> None:
        """Sees whether the disk hangs: its own thread cannot say so."""
        with self._lock:
            since = self._busy_since
        if since is not None and time.monotonic() - since > HANGING:
            self._pause(f"the disk of {self._settings.folder} does not answer")

    def _pause(self, reason: str) -> None:
        with self._lock:
            if self._reason is not None:
                return
            self._reason, self._lost_before = reason, self._lost()
        self._events.add("recording", "paused", f"recording pauses: {reason}", self._camera)

    def _resume(self) -> None:
        with self._lock:
            if self._reason is None:
                return
            self._reason = self._failed_track = None
            lost = self._lost() - self._lost_before
        self._events.add("recording", "resumed", f"recording goes on; {counted(lost, 'frame')} lost", self._camera)


def _reason(error: OSError, folder: Path) -> str:
    """Why nothing can be written, as a sentence."""
    return f"{folder} cannot be written: {error.strerror or error}"
