"""OpenCV's VideoCapture as a live source, for what it knows best: cameras, and GStreamer where it is built with it."""

from __future__ import annotations

import time
from fractions import Fraction

import cv2
import numpy as np

from edgeseg.errors import LostError, SourceError
from edgeseg.opencv_log import silence
from edgeseg.video.bounded import within
from edgeseg.video.live import LiveSource, Reading

ATTEMPTS = 64
"""Pictures in a row that may be damaged before a camera counts as lost."""


def open_capture(target: str | int, backend: int, *, name: str, timeout: float) -> LiveSource:
    """Opens a device or pipeline by one of OpenCV's backends.

    Raises:
        SourceError: it does not open in time, or sends nothing; its name is not UTF-8, which OpenCV does not survive.
    """
    try:
        str(target).encode()
    except UnicodeEncodeError:
        raise SourceError(f"{name!r} is not UTF-8, as OpenCV expects names; give it another one") from None
    silence()
    try:
        capture = within(timeout, lambda: cv2.VideoCapture(target, backend))
    except TimeoutError:
        raise SourceError(f"{name} did not answer within {timeout:g} s; does another program use it?") from None
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name} cannot be opened, expected a video; does another program use it, is it a camera?")

    def read() -> Reading | None:
        for damaged in range(ATTEMPTS):
            if not capture.grab():
                return None
            captured = time.perf_counter()
            timestamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            decoded, image = capture.retrieve()
            if decoded:
                seconds = time.perf_counter() - captured
                return Reading(np.asarray(image, np.uint8), timestamp, captured, seconds, damaged)
        raise LostError(f"gave {ATTEMPTS} pictures in a row that cannot be decoded", cause="damaged")

    return LiveSource(name, read, capture.release, fps=_fps(capture), timeout=timeout)


def _fps(capture: cv2.VideoCapture) -> Fraction | None:
    """The announced rate; None where a driver gives 0 or its clock's rate instead."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return Fraction(fps).limit_denominator(1001) if 0.01 < fps <= 1000 else None
