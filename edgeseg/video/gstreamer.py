"""GStreamer pipelines, such as a Jetson's CSI camera through its hardware."""

from __future__ import annotations

import re

import cv2

from edgeseg.errors import SourceError
from edgeseg.redact import redact
from edgeseg.video.opencv import open_capture
from edgeseg.video.source import Source


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
    return open_capture(pipeline, cv2.CAP_GSTREAMER, name=redact(pipeline), timeout=timeout)
