"""Pictures of one size as H.264 in fragmented MP4, in memory: a fragment begins with each second of the clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from edgeseg.arrays import Image
from edgeseg.errors import OutputError
from edgeseg.serve.recording import mp4
from edgeseg.serve.recording.piece import Header, Piece
from edgeseg.video.encoders import Picture, add_stream, choose, yuv_frame

if TYPE_CHECKING:
    from av.container import OutputContainer

OPTIONS = {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer", "flush_packets": "1"}


class FragmentEncoder:
    """One H.264 stream. Its fragments start where a second of UTC does, so that files can be cut there.

    Time stamps come from a clock that never jumps; the clock of the day only says where fragments begin.
    """

    def __init__(self, track: str, width: int, height: int, fps: float, deliver: Callable[[Piece], None]) -> None:
        """Opens it.

        Args:
            track: of its pieces.
            width: of all pictures, in pixels; an odd one gains a column, as in `edgeseg.video.video_file`.
            height: of all pictures, in pixels; likewise.
            fps: expected, for the encoder's rate control; time stamps decide when a picture shows.
            deliver: gets each fragment.

        Raises:
            OutputError: no encoder for H.264 works here, or none takes this size.
        """
        import av

        self.size = (height, width)
        self._track, self._deliver = track, deliver
        self._output = Output()
        self._header: Header | None = None
        self._encoded: deque[tuple[float, float]] = deque()  # start and captured of the frames in no fragment yet
        self._started: float | None = None
        self._second = 0
        self._last = -1
        rate = Fraction(max(1.0, fps)).limit_denominator(1000)
        picture = Picture(width + width % 2, height + height % 2, rate, Fraction(1, mp4.TICKS))
        encoder, _ = choose(".mp4", "h264", picture)
        self._container: OutputContainer = av.open(cast("Any", self._output), "w", format="mp4", options=OPTIONS)
        try:
            self._stream = add_stream(self._container, encoder, picture)
            # Key frames come where they are asked for, once a second; those by themselves would cut fragments to bits.
            self._stream.codec_context.options.update({"g": str(max(600, 20 * round(rate)))})
            # A frame that is held back would hold the fragment before it back, and many cameras share the cores.
            self._stream.codec_context.thread_count = 1
            if encoder.name == "libx264":
                self._stream.codec_context.options.update({"sc_threshold": "0", "tune": "zerolatency"})
            self._container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            self._abandon()
            raise OutputError(
                f"{encoder.name} takes no pictures of {width}x{height}: {getattr(error, 'strerror', None) or error}"
            ) from error

    def write(self, image: Image, now: float, captured: float) -> None:
        """Encodes one BGR uint8 (height, width, 3) image.

        Args:
            image: to encode.
            now: seconds since the epoch when it was captured.
            captured: the same on time.perf_counter(); the picture shows then, or just after the one before.

        Raises:
            OutputError: the encoder failed.
        """
        import av
        from av.video.frame import PictureType

        if self._started is None:
            self._started = captured
        frame = yuv_frame(image)
        self._last = max(self._last + 1, round((captured - self._started) * mp4.TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, mp4.TICKS)
        if self._last == 0 or math.floor(now) != self._second:
            frame.pict_type = PictureType.I
        self._second = math.floor(now)
        self._encoded.append((now, captured))
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"the encoder failed: {getattr(error, 'strerror', None) or error}") from error
        self._cut()

    def close(self) -> None:
        """Delivers what the encoder holds back, as the last fragment.

        Raises:
            OutputError: the encoder failed.
        """
        import av

        try:
            if self._encoded:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            self._abandon()
            raise OutputError(f"the encoder failed: {getattr(error, 'strerror', None) or error}") from error
        self._cut()

    def _cut(self) -> None:
        """Delivers the fragments that are whole."""
        done, moof, data = 0, -1, bytes(self._output.data)
        for kind, start, end in mp4.boxes(data):
            if kind == b"moov":
                self._header = Header(data[:end], mp4.codec(data[:end]))
            elif kind == b"moof":
                moof = start
                continue
            elif kind == b"mdat" and moof >= 0:
                self._send(data[moof:end])
                moof = -1
            elif kind == b"ftyp":
                continue
            done = end
        if done:
            del self._output.data[:done]

    def _send(self, fragment: bytes) -> None:
        assert self._header is not None
        frames = mp4.sample_count(fragment)
        times = [self._encoded.popleft() for _ in range(frames)]
        self._deliver(Piece(self._track, self._header, fragment, frames, *times[0]))

    def _abandon(self) -> None:
        import av

        with suppress(av.FFmpegError, OSError):
            self._container.close()


class Output:
    """The file that FFmpeg writes: without `seek`, so that it never goes back in it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        """Adds bytes."""
        self.data += data
        return len(data)
