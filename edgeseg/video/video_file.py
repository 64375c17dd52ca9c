"""One video file that is written so that whatever was written plays, however the writing ends.

MP4 is written as fragments and Matroska as clusters, a second each, which need no index at the end of the file. Until
`close` it lies beside its name as `.NAME.TOKEN.part.SUFFIX`, locked; `edgeseg.video.recovery` finishes what a process
leaves that was killed. A write that fails, as on a full disk, cuts the file after its last whole fragment and gives it
its name.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.arrays import Image
from edgeseg.atomic import sync_folder
from edgeseg.errors import OutputError
from edgeseg.temporary import Temporary
from edgeseg.video import scheduling
from edgeseg.video.encoders import Encoder, Picture, add_stream, yuv_frame
from edgeseg.video.names import PART, give_name
from edgeseg.video.sound import add_copy, advice_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

FRAGMENT_SECONDS = 1.0

CONTAINERS: dict[str, tuple[str, Fraction, dict[str, str]]] = {
    ".mp4": ("mp4", Fraction(1, 90000), {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ".mkv": ("matroska", Fraction(1, 1000), {"cluster_time_limit": "1000"}),
    ".webm": ("webm", Fraction(1, 1000), {"cluster_time_limit": "1000"}),
}
"""Extension: FFmpeg's muxer, time base, muxer options."""

OPTIONS = {"flush_packets": "1", "max_interleave_delta": "2000000"}
"""Of every muxer: sound that ends before the pictures holds them back for two seconds, not ten."""


class _Output(io.FileIO):
    """The file that FFmpeg writes. After a failure it swallows what still comes, so that the muxer can be closed."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle, "w", closefd=False)
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Writes all of `data`."""
        left = memoryview(data)
        while left and self.failure is None:
            try:
                left = left[super().write(left) :]
            except OSError as error:
                self.failure = error
                raise
        return len(data)


class VideoFile:
    """Frames of one size as a video, with times of their own.

    An odd width or height gains one pixel, a copy of the last column or row: 4:2:0 colour comes in pairs, and cropping
    would lose what was segmented.

    Attributes:
        path: the name that it has after `close`, None if it came to nothing.
    """

    def __init__(
        self,
        path: Path,
        encoder: Encoder,
        picture: Picture,
        *,
        overwrite: bool = False,
        sound: Stream | None = None,
    ) -> None:
        """Opens the file.

        Args:
            path: its name, in a folder that exists.
            encoder: as `edgeseg.video.encoders.choose` gives it, for `picture`.
            picture: size, rate and quality for the encoder.
            overwrite: replace what has the name when the video is finished.
            sound: a source's audio stream, whose packets `mux` will take.

        Raises:
            OutputError: it cannot be made, or the encoder or the container refuses.
        """
        import av

        self.path: Path | None = None
        self._target = path
        self._overwrite = overwrite
        self._frame_ticks = max(1, round(1 / picture.rate / picture.time_base))
        self._time_base = picture.time_base
        self._last = -1
        self._key = 0
        self._closed = False
        self._container: OutputContainer | None = None
        try:
            self._part = Temporary(path, PART)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}; choose another name or folder") from error
        self._file = _Output(self._part.handle)
        muxer, _, options = CONTAINERS[path.suffix.lower()]
        try:
            container = self._container = av.open(self._file, "w", format=muxer, options={**OPTIONS, **options})
            self._stream = add_stream(container, encoder, picture)
            self._sound = None if sound is None else add_copy(container, sound)
            with scheduling.unchanged():
                container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            self._abandon()
            size = f"{picture.width}x{picture.height}"
            with_sound, advice = "", "choose another --codec or container"
            if sound is not None:  # the encoder was tried before
                with_sound = f" with {sound.codec_context.codec.canonical_name} sound"
                advice = advice_on(sound.codec_context.codec.canonical_name, muxer)
            raise OutputError(
                f"cannot write {path} as {size} by {encoder.name}{with_sound}: "
                f"{getattr(error, 'strerror', None) or error}; {advice}"
            ) from error
        self._whole = self._header = self._file.tell()

    def write(self, image: Image, seconds: float) -> None:
        """Encodes one BGR uint8 (height, width, 3) image, shown at `seconds`, or just after the frame before it.

        Raises:
            OutputError: the disk is full or the encoder failed; the file was closed as it was.
        """
        from av.video.frame import PictureType

        frame = yuv_frame(image)
        self._last = max(self._last + 1, round(seconds / self._time_base))
        frame.pts, frame.time_base, frame.duration = self._last, self._time_base, self._frame_ticks
        if self._last == 0 or (self._last - self._key) * self._time_base >= FRAGMENT_SECONDS:
            frame.pict_type, self._key = PictureType.I, self._last
        self._mux(lambda: self._stream.encode(frame))

    def mux(self, packets: Iterable[Packet[Any]]) -> None:
        """Copies packets of the sound, with times of this file.

        Raises:
            OutputError: the disk is full; the file was closed as it was.
        """
        copies = list(packets)
        for packet in copies:
            packet.stream = self._sound
        self._mux(lambda: copies)

    def close(self) -> None:
        """Writes what the encoder holds back, and gives the file its name; more calls do nothing.

        A video without a frame leaves no file.

        Raises:
            OutputError: the disk is full; what was written before gets its name.
        """
        if self._closed:
            return
        if self._last < 0:
            self._abandon()
            return
        self._mux(lambda: self._stream.encode(None))
        self._mux(self._end)
        self._finish()

    def _end(self) -> list[Packet[Any]]:
        assert self._container is not None
        self._container.close()
        return []

    def _mux(self, make: Callable[[], list[Packet[Any]]]) -> None:
        """Writes the packets that `make` returns.

        Raises:
            OutputError: they cannot be made or written.
        """
        import av

        try:
            packets = make()
            if packets and self._container is not None:
                self._container.mux(packets)
            if self._file.failure is not None:
                raise self._file.failure
        except (OSError, av.FFmpegError) as error:
            raise self._salvage(error) from error
        if not self._file.closed:
            self._whole = self._file.tell()

    def _salvage(self, error: Exception) -> OutputError:
        """Closes the file after its last whole fragment."""
        error = self._file.failure or error
        self._file.failure = self._file.failure or OSError()
        reason = f"cannot write {self._target}: {getattr(error, 'strerror', None) or error}"
        if self._whole == self._header:
            self._abandon()
            return OutputError(f"{reason}; is there room on the disk? Nothing was recorded")
        with suppress(OSError):
            os.ftruncate(self._part.handle, self._whole)
        try:
            self._finish()
        except OutputError:
            self._part.release()  # what is there, the next start may be able to finish
            return OutputError(f"{reason}; what was recorded is in {self.path or self._part.path}")
        return OutputError(f"{reason}; is there room on the disk? What was recorded before is in {self.path}")

    def _finish(self) -> None:
        """Puts the file on the disk and under its name."""
        self._close_muxer()
        try:
            os.fsync(self._part.handle)
            self.path = give_name(self._part.path, self._target, overwrite=self._overwrite)
            sync_folder(self.path.parent)
        except OSError as error:
            where = (
                f"it is in {self._part.path}, and the next recording in this folder will try again"
                if self.path is None
                else f"the recording is in {self.path}"
            )
            raise OutputError(f"cannot finish {self._target}: {error.strerror}; {where}") from error
        finally:
            self._part.release()

    def _abandon(self) -> None:
        """Removes a file that holds no frame."""
        self._file.failure = self._file.failure or OSError()
        self._close_muxer()
        with suppress(OSError):
            self._part.path.unlink()
        self._part.release()

    def _close_muxer(self) -> None:
        import av

        self._closed = True
        if self._container is not None:
            with suppress(OSError, av.FFmpegError):
                self._container.close()
