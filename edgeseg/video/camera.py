"""Cameras by number or by any of the names that the system has for them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2

from edgeseg.errors import SourceError
from edgeseg.video.live import LiveSource
from edgeseg.video.opencv import open_capture


def camera_number(name: str) -> int | None:
    """The number of the camera that a name means, None where it means none.

    Args:
        name: "0", "/dev/video0", or a link to it: those in /dev/v4l/by-id and by-path survive a reboot.
    """
    if re.fullmatch(r"\d{1,9}", name, re.ASCII):
        return int(name)
    if "\0" in name:
        return None
    path = Path(name)
    try:
        device = path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # a name that no file can have, a link to itself
        return None
    match = re.fullmatch(r"/dev/video(\d{1,9})", str(device), re.ASCII)
    return int(match[1]) if match else None


def open_camera(number: int, *, timeout: float) -> LiveSource:
    """Opens the camera /dev/video`number` (on other systems, the one that OpenCV counts so).

    Raises:
        SourceError: there is none, another program holds it, or it sends nothing.
    """
    name = f"camera {number}"
    if sys.platform == "linux" and not Path(f"/dev/video{number}").exists():
        devices = sorted(path.name for path in Path("/dev").glob("video*"))
        raise SourceError(
            f"{name} is not there: no /dev/video{number}; found {', '.join(devices) or 'no camera at all'}"
        )
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return open_capture(number, backend, name=name, timeout=timeout)
