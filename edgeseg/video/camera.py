"""Cameras by number or by any of the names that the system has for them."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import cv2

from edgeseg.errors import SourceError
from edgeseg.files import real
from edgeseg.video.live import LiveSource
from edgeseg.video.opencv import open_capture

_V4L_MAJOR = 81
"""Of Linux's device numbers (its documentation, admin-guide/devices.txt): video capture."""


def camera_number(name: str) -> int | None:
    """The number of the camera that a name means, None where it means none.

    Args:
        name: "0", "/dev/video0", or a link to it: those in /dev/v4l/by-id and by-path survive a reboot.
    """
    if re.fullmatch(r"\d{1,9}", name, re.ASCII):
        return int(name)
    match = re.fullmatch(r"/dev/video(\d{1,9})", str(_device(name)), re.ASCII)
    return int(match[1]) if match else None


def is_camera_device(name: str) -> bool:
    """Whether a name that is no number's is a camera's device all the same, as containers may call theirs."""
    try:
        facts = _device(name).stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(facts.st_mode) and os.major(facts.st_rdev) == _V4L_MAJOR


def is_absent_camera(name: str) -> bool:
    """Whether a name, or what it is a link to, would be a device's that is not there: a camera that is unplugged.

    Where udev makes such names, in /dev/v4l/by-id or elsewhere below /dev, they go with their cameras.
    """
    device = _device(name)
    return device.is_relative_to("/dev") and not device.is_relative_to("/dev/shm") and not os.path.lexists(device)


def _device(name: str) -> Path:
    """What a name means when all links are followed; a name that no file can have means nothing."""
    try:
        return Path("/", str(real(Path(name))).lstrip("/"))  # POSIX leaves two slashes alone
    except (OSError, ValueError):
        return Path()


def open_camera(number: int, *, timeout: float) -> LiveSource:
    """Opens the camera /dev/video`number` (on other systems, the one that OpenCV counts so).

    Raises:
        SourceError: there is none, another program holds it, or it sends nothing.
    """
    name = f"camera {number}"
    if sys.platform == "linux" and not Path(f"/dev/video{number}").exists():
        file = f"; the file of that name is ./{number}" if Path(str(number)).exists() else ""
        raise absent(name, f"/dev/video{number}", file)
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return open_capture(number, backend, name=name, timeout=timeout)


def open_device(name: str, *, timeout: float) -> LiveSource:
    """Opens the camera of a device for which `is_camera_device` holds.

    Raises:
        SourceError: another program holds it, or it sends nothing.
    """
    return open_capture(name, cv2.CAP_V4L2, name=f"camera {name}", timeout=timeout)


def absent(camera: str, device: str, hint: str = "") -> SourceError:
    """The error of a camera whose device is not there, and maybe what else its name may mean."""
    devices = sorted(path.name for path in Path("/dev").glob("video*"))
    return SourceError(f"{camera} is not there: no {device}; found {', '.join(devices) or 'no camera at all'}{hint}")
