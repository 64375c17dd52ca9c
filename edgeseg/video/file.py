"""Video files, and videos on a network whose length is known: every frame, in order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import av
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError, InvalidDataError

from edgeseg.counted import counted
from edgeseg.errors import SourceError
from edgeseg.video.announced import frame_count, frame_rate, has_placeholder, length
from edgeseg.video.decoder import Decoder
from edgeseg.video.joined import MPEG_TS, SKIP, UNFOLLOWED, JoinedDecoder, Reopen, goes_on
from edgeseg.video.playlist import check_playlist
from edgeseg.video.source import NOMINAL_FPS, Ended, Frame, Source, check_file
from edgeseg.video.unplayable import several, why_unplayable
from edgeseg.video.wrap import is_no_wrap

ATTEMPTS = 64
"""Failed reads in a row after which a file counts as ended; a damaged stretch costs a read a packet."""

RESTART = 1.0
"""Seconds back by which the clock began again, as where two recordings were joined; less is a frame out of order."""

PROTOCOLS = "file,crypto,data"
"""What a local file may make FFmpeg open: a playlist on disk must not reach into the network."""

SEGMENTED = ("hls", "dash")
"""Formats whose frames come in bursts, a segment at a time; FFmpeg passes over segments that it cannot get."""

HOLE = 1.0
"""Seconds without a frame after which a segment may be missing."""


def open_file(
    path: Path,
    *,
    decoder_threads: int,
    options: Mapping[str, str] | None = None,
    follow: float | None = None,
) -> Source:
    """Opens a video file, whatever its name looks like to FFmpeg: a colon makes no URL, a percent sign no pattern.

    Args:
        path: of the file.
        decoder_threads: of its decoder.
        options: FFmpeg's, for protocol and container.
        follow: the file is still being written: wait at its end for more, until nothing came for so many seconds.

    Raises:
        SourceError: it is missing, empty, no video, or has no frame that decodes; or a playlist without an end.
    """
    check_file(path)
    sentences = check_playlist(path)
    waiting = {} if follow is None else {"follow": "1", "rw_timeout": str(int(follow * 1e6))}
    try:
        container = open_container(path, {**(options or {}), **waiting})
    except FFmpegError as error:
        if options and _opens(path):
            raise SourceError(
                f"{path} can be opened, but not with the option {' and '.join(options)} ({error.strerror}); check the "
                "value"
            ) from error
        raise SourceError("; ".join(sentences) or f"{path} {why_unplayable(path)}") from error
    if not container.streams:
        container.close()
        raise SourceError("; ".join(sentences) or f"{path} {why_unplayable(path)}")
    source = VideoSource(
        str(path),
        container,
        threads=decoder_threads,
        attempts=ATTEMPTS,
        path=path,
        follow=follow,
        reopen=lambda at: open_container(path, {**(options or {}), SKIP: str(at)}),
    )
    source.warnings += sentences
    return source


def open_container(path: Path, options: Mapping[str, str]) -> InputContainer:
    """A file of any name, opened with FFmpeg's options; it reaches no network unless they let it.

    Raises:
        FFmpegError: it cannot be opened.
    """
    chosen = {"protocol_whitelist": PROTOCOLS, **options}
    return av.open(f"file:{path}", options=chosen, metadata_errors="replace")


def _opens(path: Path) -> bool:
    try:
        open_container(path, {}).close()
    except FFmpegError:
        return False
    return True


class VideoSource(Source):
    """A video whose length is known: every frame is read, in order, in the thread that asks for it.

    A frame without a time, or one whose time goes back, follows the frame before by one frame period. A damaged
    stretch is passed over, or filled in by the decoder; it, a missing end, and a hole in the times where a server may
    not have given a segment become a warning. Sound that outlasts the picture is none of these.

    Attributes:
        start_time: seconds on the container's clock at which the first frame is shown; sound may begin earlier.
        length: seconds of the video stream, as announced; None if they are not, or once its clock has begun anew.
    """

    def __init__(
        self,
        name: str,
        container: InputContainer,
        *,
        threads: int,
        attempts: int,
        path: Path | None = None,
        follow: float | None = None,
        lost: Callable[[FFmpegError, int], str] | None = None,
        reopen: Reopen | None = None,
    ) -> None:
        """Decodes the first frame.

        Args:
            name: for messages, without credentials.
            container: an open one; the source closes it.
            threads: of the decoder.
            attempts: failed reads in a row after which it counts as ended.
            path: of a local file.
            follow: it is being written, and FFmpeg waits at its end.
            lost: says in a few words why a connection broke off after so many frames; None for local files.
            reopen: opens it from another place on, where another video may follow the first.

        Raises:
            SourceError: it holds no video, or no frame that can be decoded.
        """
        try:
            seekable = lost is None or container.duration is not None  # FFmpeg has sought for it at the end
            self._reopen = reopen if seekable and container.format.name == MPEG_TS else None
            if self._reopen is not None and follow is None:
                self._decoder: Decoder = JoinedDecoder(container, name, threads=threads, reopen=self._reopen)
            else:
                self._decoder = Decoder(container, name, threads=threads)
        except SourceError:
            container.close()
            raise
        self._stream = stream = self._decoder.stream
        super().__init__(name, fps=frame_rate(stream))
        self.length: float | None = None
        self._attempts = attempts
        self._path = path
        self._following = follow is not None
        self._size = path.stat().st_size if path and not follow else math.inf
        self._period = float(1 / (self.fps or NOMINAL_FPS))
        self._format = container.format.name
        self._index = 0
        self._timestamp = -self._period
        self._offset: float | None = None
        self._failed = False
        self._lost = lost
        self._reason: str | None = None  # why it broke off
        self._holes: list[float] = []  # seconds of each
        # A playlist's length is that of all its segments: what would be shown behind it is of another clock.
        total = container.duration if self._format in SEGMENTED else None
        self._total = total / av.time_base if total else math.inf
        self.start_time = 0.0
        self._decode_first()
        if self._stream is stream and (path is None or not has_placeholder(path)):
            self.length = length(container, stream, self._decoder.begins)
            self.frame_count = frame_count(container, stream, self._decoder.begins)

    def _read(self) -> Frame | None:
        started = time.perf_counter()
        for _ in range(0 if self.ended else self._attempts):
            try:
                decoded = self._decoder.read()
            except EndOfFile:
                break
            except FFmpegError as error:
                if self._following and not isinstance(error, InvalidDataError):  # nothing more came in time
                    self._following = False
                    self._decoder.finish()
                    continue
                if self._lost is not None and not isinstance(error, InvalidDataError):
                    self._reason = self._lost(error, self._index)
                    self._decoder.finish()
                else:
                    self._failed = True
                continue
            if decoded is None:
                break
            index, self._index = self._index, self._index + 1
            self._timestamp = self._goes_on(decoded.time)
            return Frame(index, decoded.image, self._timestamp, started, time.perf_counter() - started)
        if self.ended is None:
            self.warnings += self._decoder.warnings
            self._judge_holes()
            whole = self._index == self._decoder.stream.frames  # the connection may well end with the video
            if self._reason is not None and not whole:
                self._break_off(self._reason)
            else:
                self.ended = Ended("end_of_file")
                self._judge_end()
        return None

    def _break_off(self, reason: str) -> None:
        self.ended = Ended("lost", f"{self.name} {reason}")
        self.ended_early = True
        self.warnings.append(f"{self.name} {reason}: the stream ended there; what came before is kept")

    def _goes_on(self, at: float | None) -> float:
        """The frame's time since the first frame; it never goes back."""
        following = self._timestamp + self._period
        if at is None:
            return following
        if self._offset is None:
            self.start_time, self._offset = at, at - following
        before = self._timestamp + self._offset
        if self._decoder.stream is not self._stream:  # what was announced is that of one video
            self._stream, self.length = self._decoder.stream, None
        no_wrap = is_no_wrap(self._format, before, at)
        if no_wrap:
            self._leave_out(round((at - before) / self._period))
        beyond = at - before > HOLE and at - self._offset > self._total + HOLE
        if no_wrap or beyond or at < before - RESTART:
            self._offset = at - following
            self.length = None  # what was announced is that of one clock
        elif self._lost is not None and self._format in SEGMENTED and at - before > max(HOLE, 3 * self._period):
            self._holes.append(at - before - self._period)
        shown = at - self._offset
        return shown if shown > self._timestamp else following

    def _leave_out(self, frames: int) -> None:
        """Takes frames that FFmpeg counted into a gap, and that do not exist, from those that are to be expected."""
        if self.frame_count is not None and self.frame_count > self._index + frames:
            self.frame_count -= frames

    def _judge_end(self) -> None:
        """Warns if frames are missing; a walk through the file that would hold up its opening."""
        end = self._timestamp + max(self._period, self._decoder.lasting)  # a screen that stands still is one long frame
        if self._index and (self._failed or self._decoder.damaged or is_early(end, self.length, self._period)):
            self.ended_early = True
            self.warnings.append(early_end(self.name, self._index, end, self.length))
        if mended := self._decoder.mended:
            self.warnings.append(
                f"{self.name} is damaged: in {counted(mended, 'frame')} the decoder filled in what it could not read"
            )
        if self._path is None or not self._path.exists():
            return
        if self._path.stat().st_size > self._size:
            self.warnings.append(
                f"{self.name} grew while it was read, and what came late may be missing; --follow waits for more"
            )
        decoder = self._decoder
        if (joined := several(self._path, self._format, decoder.position, decoder.discarded)) is not None:
            self.warnings.append(f"{self.name} {joined}")
        if self._size == math.inf and self._reopen is not None and goes_on(decoder, self._reopen):
            self.warnings.append(f"{self.name} {UNFOLLOWED}")

    def _judge_holes(self) -> None:
        """Warns if segments may be missing; what FFmpeg says of them holds their URLs."""
        if self._holes:
            self.ended_early = True
            stretches = "a stretch" if len(self._holes) == 1 else f"{len(self._holes)} stretches"
            self.warnings.append(
                f"{self.name} leaves out {stretches} of its time, {sum(self._holes):.1f} s in all; segments may be "
                "missing there that its server did not give"
            )

    def close(self) -> None:
        """Closes the file. Only for the thread that reads, or after it has ended."""
        self.ended = self.ended or Ended("interrupted")
        self._decoder.close()


def is_early(end: float, length: float | None, period: float) -> bool:
    """Whether a video ends before it should. Some containers round its length: 1 % or two frames less is no fault.

    Args:
        end: seconds at which the last frame's time is over.
        length: seconds that are announced, None if they are not.
        period: seconds of a frame.
    """
    return length is not None and end < length - max(2 * period, length / 100)


def early_end(name: str, frames: int, end: float, length: float | None) -> str:
    """The warning of a video that holds `frames` alone, `end` seconds of the `length` that is announced."""
    of = f"of its {length:.1f} s" if length and end <= length else "of an unknown length"
    return (
        f"{name} is damaged or ends early: {counted(frames, 'frame')} could be decoded, {end:.1f} s {of}; the "
        "output holds these"
    )
