"""Where frames come from: a video, images, a camera, a URL, a GStreamer pipeline, or your own arrays.

with open_source("street.mp4") as source:
    for frame in source:
        frame.image        # BGR uint8 (H, W, 3)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edgeseg.arrays import Image
from edgeseg.errors import SourceError, UsageError
from edgeseg.video.capture import open_camera, open_file, open_gstreamer, open_url
from edgeseg.video.images import ImageSource, is_image
from edgeseg.video.source import ArraySource, Source

Input = str | Path | int | Iterable[Image]

LONGEST_TIMEOUT = 86400.0
"""A day, in seconds."""


def open_source(source: Input, *, timeout: float = 10.0, decoder_threads: int = 1) -> Source:
    """Opens whatever `source` names.

    Args:
        source: a video file, an image, a folder of images (in natural order), a camera (0, "0" or "/dev/video0"),
            a URL, a GStreamer pipeline (text with " ! "), or an iterable of BGR uint8 (H, W, 3) arrays.
        timeout: seconds that a camera, URL or pipeline may take to open, and to give each frame.
        decoder_threads: of a video file's decoder. More than one decodes ahead, which adds delay to live sources.

    Raises:
        SourceError: it is not there, is of no known kind, does not answer, or gives no frame.
        FrameError: an iterable gives something else than frames.
        UsageError: the timeout is not positive.
    """
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise UsageError(f"timeout is {timeout:g}, expected seconds above 0 and up to {LONGEST_TIMEOUT:g}")
    if isinstance(source, int):
        return open_camera(source, timeout=timeout)
    if not isinstance(source, (str, Path)):
        return ArraySource(source)
    text = str(source)
    if camera := re.fullmatch(r"(?:/dev/video)?(\d+)", text):
        return open_camera(int(camera[1]), timeout=timeout)
    if " ! " in text:
        return open_gstreamer(text, timeout=timeout)
    if isinstance(source, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        return open_url(text, timeout=timeout)
    path = Path(source)
    try:
        return (
            ImageSource(path) if path.is_dir() or is_image(path) else open_file(path, decoder_threads=decoder_threads)
        )
    except SourceError:
        raise
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise SourceError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error
