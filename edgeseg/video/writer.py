"""Recordings: H.264 video, lossless masks, pictures. Each file appears under its name only when it is whole."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image
from edgeseg.atomic import atomic_file
from edgeseg.errors import OutputError
from edgeseg.video.source import NOMINAL_FPS

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

CONTAINERS: dict[str, tuple[Fraction, dict[str, str]]] = {
    ".mp4": (Fraction(1, 90000), {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}),
    ".mkv": (Fraction(1, 1000), {"cluster_time_limit": "1000", "flush_packets": "1"}),
}
"""Extension: time base, muxer options. MP4 fragments and Matroska clusters need no index at the end of the file."""

# Masks are runs of equal ids: run lengths alone, unfiltered, take half the room and a quarter of the time of OpenCV's
# choice (960x540: 4.6 kB in 0.7 ms). Older versions of OpenCV have no choice of filter.
MASK_PARAMETERS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    MASK_PARAMETERS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]

PICTURES = (".png", ".jpg", ".jpeg")


class _DiscardError(Exception):
    """Thrown into a temporary file's context to remove it."""


class VideoWriter:
    """H.264 video (yuv420p, BT.601, CRF 20) with the source's own timestamps, starting at 0.

    An odd width or height gains one pixel, a copy of the last column or row: 4:2:0 colour comes in pairs, and
    cropping would lose what was segmented. Until `close`, the video lies beside its name as `.NAME.PID.part.mp4`;
    a killed process leaves it there, playable but for its last second. `discard` removes it.
    """

    def __init__(self, path: Path, width: int, height: int, fps: Fraction | None) -> None:
        """Opens the file.

        Args:
            path: of an .mp4 or .mkv file, in a folder that exists.
            width: of all frames, in pixels.
            height: of all frames, in pixels.
            fps: for the header and the bit rate; timestamps decide when a frame shows. None if unknown.

        Raises:
            OutputError: it cannot be written, or has another extension.
        """
        import av

        check_target(path, tuple(CONTAINERS))
        self._path = path
        self._size = (height, width)
        self._rate = fps or NOMINAL_FPS
        self._time_base, options = CONTAINERS[path.suffix.lower()]
        self._start = 0.0
        self._last = -1
        with ExitStack() as files:
            temporary = files.enter_context(atomic_file(path))
            self._container: OutputContainer = files.enter_context(av.open(str(temporary), "w", options=options))
            self._stream = self._add_stream(self._container)
            self._container.start_encoding()
            self._files = files.pop_all()

    def _add_stream(self, container: OutputContainer) -> VideoStream:
        height, width = self._size
        # No B-frames: packets leave in order, so fragments need no edit list to keep the timestamps.
        options = {"preset": "superfast", "crf": "20", "bf": "0", "g": str(max(1, round(self._rate)))}
        stream: VideoStream = container.add_stream("libx264", rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.codec_context.thread_count = 2
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 6
        stream.codec_context.color_range = 1
        return stream

    def write(self, image: Image, timestamp: float) -> None:
        """Encodes one BGR uint8 (height, width, 3) image, shown at `timestamp` seconds.

        A timestamp that does not lie after the one before is moved just after it.

        Raises:
            OutputError: the image is of another size than the video, or the disk is full.
        """
        import av

        if image.shape[:2] != self._size:
            height, width = self._size
            raise OutputError(
                f"a frame is {image.shape[1]}x{image.shape[0]} pixels and the video {self._path} is "
                f"{width}x{height}: a video has one size; write masks, or frames of one size"
            )
        if self._last < 0:
            self._start = timestamp
        self._last = max(self._last + 1, round((timestamp - self._start) / self._time_base))
        height, width = self._size
        if height % 2 or width % 2:
            image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
        # OpenCV converts eight times faster than swscale; both mean BT.601, limited range.
        yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(yuv, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = self._last, self._time_base
        frame.duration = max(1, round(1 / self._rate / self._time_base))
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}; is there room on the disk?") from error

    def close(self) -> None:
        """Writes what the encoder holds back, and gives the file its name. A video without a frame leaves no file.

        Raises:
            OutputError: the disk is full.
        """
        if self._last < 0:
            self.discard()
            return
        with self._files:
            self._container.mux(self._stream.encode(None))

    def discard(self) -> None:
        """Removes the file."""
        with suppress(_DiscardError), self._files:
            raise _DiscardError


class MaskWriter:
    """Class ids as lossless 8-bit grey PNG, a file a frame; a mask of the same name is replaced."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if it is not there.

        Raises:
            OutputError: it cannot be made or written.
        """
        self._folder = folder
        try:
            self._made = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder} for masks: {error.strerror}; choose another") from error
        _check_folder(folder)

    def write(self, mask: NDArray[np.uint8], index: int, name: str | None = None) -> None:
        """Writes a uint8 (H, W) mask as NAME.png, or by its index as 000042.png.

        Raises:
            OutputError: the disk is full.
        """
        _write_image(self._folder / f"{f'{index:06d}' if name is None else name}.png", mask, MASK_PARAMETERS)

    def close(self) -> None:
        """Nothing is open between two masks."""

    def discard(self) -> None:
        """Keeps the masks, each of which is whole; removes the folder if it was made here and is still empty."""
        if self._made:
            with suppress(OSError):
                self._folder.rmdir()


class PictureWriter:
    """One picture, as PNG or JPEG."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError unless `path` is a .png, .jpg or .jpeg in a folder that can be written."""
        check_target(path, PICTURES)
        self._path = path

    def write(self, image: Image) -> None:
        """Writes a BGR uint8 (H, W, 3) image.

        Raises:
            OutputError: the disk is full.
        """
        _write_image(self._path, image, [])

    def close(self) -> None:
        """Nothing is open after `write`."""

    def discard(self) -> None:
        """A picture is written whole or not at all."""


def check_target(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raises OutputError unless `path` ends in one of `suffixes` and can be written in a folder that exists."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"cannot write {path}: it ends in {path.suffix or 'no extension'}, expected "
            f"{' or '.join(suffixes)} for this source"
        )
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise OutputError(f"cannot write {path}: {error.strerror}; choose another name or folder") from error
    if is_folder:
        raise OutputError(f"cannot write {path}: it is a folder; give the name of a file")
    _check_folder(path.parent)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise OutputError(f"cannot write into {folder}: no such folder; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {folder}: no permission; choose another folder")


def _write_image(path: Path, image: NDArray[np.uint8], parameters: list[int]) -> None:
    _, encoded = cv2.imencode(path.suffix, image, parameters)
    with atomic_file(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
