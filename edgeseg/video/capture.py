"""OpenCV's VideoCapture as a source: video files, URLs, cameras, GStreamer pipelines."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import SourceError
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.source import NOMINAL_FPS, Frame, Source, check_file

ATTEMPTS = 64
"""Failed reads in a row after which a file counts as ended; a damaged stretch costs a read a packet."""


def redact(text: str) -> str:
    """`text` without the user, password and query that a URL or pipeline may carry."""
    text = re.sub(r"://[^/\s]+@", "://***@", text)
    text = re.sub(r"(://[^\s?]+)\?\S+", r"\1?***", text)
    return re.sub(r"\b(user-id|user-pw|password)=\S+", r"\1=***", text)


def open_file(path: Path, *, decoder_threads: int) -> Source:
    """Opens a video file.

    Raises:
        SourceError: it is missing, empty, no video, or has no frame that decodes.
    """
    check_file(path)
    _silence()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, decoder_threads])
    # FFmpeg also "plays" text files, as a terminal would show them.
    is_text = int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"ansi")
    if not capture.isOpened() or is_text:
        capture.release()
        raise SourceError(
            f"{path} is no video that can be decoded, expected one (MP4, MKV, AVI ...); check that it plays elsewhere"
        )
    return VideoSource(str(path), capture, attempts=ATTEMPTS)


def open_url(url: str, *, timeout: float) -> Source:
    """Opens a stream or a file on a network; live unless its length is known.

    Raises:
        SourceError: it does not answer in time, or sends no video.
    """
    name, milliseconds = redact(url), int(timeout * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = _open(url, cv2.CAP_FFMPEG, [*limits, cv2.CAP_PROP_N_THREADS, 1], name=name, timeout=timeout)
    if _frame_count(capture) is None:
        return _live(name, capture, timeout=timeout)
    return VideoSource(name, capture, attempts=1)


def open_camera(index: int, *, timeout: float) -> Source:
    """Opens the camera /dev/video`index` (on other systems, the one that OpenCV counts so).

    Raises:
        SourceError: there is none, another program holds it, or it sends nothing.
    """
    name = f"camera {index}"
    if sys.platform == "linux" and not Path(f"/dev/video{index}").exists():
        there = sorted(path.name for path in Path("/dev").glob("video*"))
        raise SourceError(f"{name} is not there: no /dev/video{index}; found {', '.join(there) or 'no camera at all'}")
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return _live(name, _open(index, backend, [], name=name, timeout=timeout), timeout=timeout)


def open_gstreamer(pipeline: str, *, timeout: float) -> Source:
    """Opens a GStreamer pipeline that ends in an appsink of BGR frames.

    Raises:
        SourceError: this OpenCV has no GStreamer, or the pipeline does not start or sends nothing.
    """
    if not re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
        raise SourceError(
            "a GStreamer pipeline needs an OpenCV built with GStreamer, and this one (pip's?) is not: use the "
            "system's (on Jetson python3-opencv, in a virtual environment made with "
            "--system-site-packages); cv2.getBuildInformation() must say GStreamer: YES"
        )
    name = redact(pipeline)
    capture = _open(pipeline, cv2.CAP_GSTREAMER, [], name=name, timeout=timeout)
    if _frame_count(capture) is None:
        return _live(name, capture, timeout=timeout)
    return VideoSource(name, capture, attempts=1)


class VideoSource(Source):
    """A video whose length is known: every frame is read, in order, in the thread that asks for it.

    A frame without a timestamp, or one that goes back, follows the frame before by one frame period. A damaged
    stretch is passed over; it and a missing end become a warning.
    """

    def __init__(self, name: str, capture: cv2.VideoCapture, *, attempts: int) -> None:
        super().__init__(name, fps=_fps(capture), frame_count=_frame_count(capture))
        self._capture = capture
        self._attempts = attempts
        self._period = float(1 / (self.fps or NOMINAL_FPS))
        self._index = 0
        self._timestamp = -self._period
        self._damaged = False
        self._ended = False
        self._decode_first()

    def _read(self) -> Frame | None:
        started = time.perf_counter()
        for attempt in range(0 if self._ended else self._attempts):
            if not self._capture.grab():
                continue
            timestamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            decoded, image = self._capture.retrieve()
            if not decoded:
                continue
            self._damaged |= attempt > 0
            self._timestamp = timestamp if timestamp > self._timestamp else self._timestamp + self._period
            index, self._index = self._index, self._index + 1
            pixels = np.asarray(image, np.uint8)
            return Frame(index, pixels, self._timestamp, started, time.perf_counter() - started)
        if not self._ended:
            self._ended = True
            self._compare_with_announced()
        return None

    def _compare_with_announced(self) -> None:
        """Warns if frames are missing. Some containers estimate their length: 1 % or two frames less is no fault."""
        announced = self.frame_count or 0
        expected = announced - max(2, announced // 100)
        if self._index and (self._damaged or (self._index < expected and self._timestamp < expected * self._period)):
            self.ended_early = True
            self.warnings.append(
                f"{self.name} is damaged or ends early: {self._index} frames could be decoded of the "
                f"{announced or 'unknown number'} that it announces; the output holds these"
            )

    def close(self) -> None:
        """Closes the file. Only for the thread that reads, or after it has ended."""
        self._ended = True
        self._capture.release()


def _live(name: str, capture: cv2.VideoCapture, *, timeout: float) -> LiveSource:
    def read() -> Reading | None:
        if not capture.grab():
            return None
        captured = time.perf_counter()
        timestamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        decoded, image = capture.retrieve()
        if not decoded:
            return None
        return Reading(np.asarray(image, np.uint8), timestamp, captured, time.perf_counter() - captured)

    return LiveSource(name, read, capture.release, fps=_fps(capture), timeout=timeout)


def _open(target: str | int, backend: int, parameters: list[int], *, name: str, timeout: float) -> cv2.VideoCapture:
    """Opens in a thread of its own: some drivers never return."""
    _silence()
    opened: list[cv2.VideoCapture] = []
    thread = threading.Thread(
        target=lambda: opened.append(cv2.VideoCapture(target, backend, parameters)), name="edgeseg-open", daemon=True
    )
    started = time.perf_counter()
    thread.start()
    thread.join(timeout + 1.0)  # FFmpeg's own time-out comes first
    if not opened or not opened[0].isOpened():
        late = time.perf_counter() - started >= 0.9 * timeout
        reason = f"did not answer within {timeout:g} s" if late else "cannot be opened"
        raise SourceError(
            f"{name} {reason}, expected a video; is it there, does it send, is it used by another "
            "program, are name and password right?"
        )
    return opened[0]


def _fps(capture: cv2.VideoCapture) -> Fraction | None:
    """The announced rate; None where a driver gives 0 or its clock's rate instead."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return Fraction(fps).limit_denominator(1001) if 0.01 < fps <= 1000 else None


def _frame_count(capture: cv2.VideoCapture) -> int | None:
    """The announced number of frames; OpenCV gives a negative number for streams without an end."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count >= 1 else None


def _silence() -> None:
    """Keeps FFmpeg's and OpenCV's log off stderr, unless the environment asks for it: errors here say it once."""
    if "OPENCV_FFMPEG_DEBUG" not in os.environ:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, before the first video is opened
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
