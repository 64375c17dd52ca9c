"""OpenCV's log, which goes to stderr: what it says of a damaged picture or a camera, an error here says once."""

from __future__ import annotations

import os

import cv2


def silence() -> None:
    """Keeps it off stderr, unless the environment asks for it."""
    if "OPENCV_LOG_LEVEL" not in os.environ:
        log = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2  # OpenCV 5 moved it
        log.setLogLevel(0)  # silent
