"""Pipelines through PyGObject; tests/install-servers.sh brings what they need. And its RTSP server as a camera."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video import gstreamer
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended

pytestmark = [
    pytest.mark.usefixtures("no_thread_left"),
    pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning"),  # of PyGObject
]

SYSTEM = Path("/usr/lib/python3/dist-packages")
"""Debian's, whose PyGObject serves any Python of the same version."""


@pytest.fixture
def gst(monkeypatch: pytest.MonkeyPatch) -> Any:
    if not any(SYSTEM.glob(f"gi/_gi.cpython-{sys.version_info.major}{sys.version_info.minor}-*.so")):
        pytest.importorskip("gi", reason="no PyGObject: tests/install-servers.sh installs it")
    monkeypatch.syspath_prepend(str(SYSTEM))
    sys.path.append(sys.path.pop(0))  # our own packages come first
    try:
        return gstreamer._gst()
    except (ImportError, ValueError) as error:
        pytest.skip(f"no GStreamer through PyGObject: {error}; tests/install-servers.sh installs it")


CAPS = "video/x-raw,width=66,height=50,framerate=25/1"


def test_every_frame_of_a_pipeline_that_is_not_live(gst: Any) -> None:
    del gst
    pipeline = f"videotestsrc num-buffers=30 pattern=white ! {CAPS} ! videoconvert ! appsink"
    with open_source(pipeline, timeout=5) as source:
        frames = list(source)
    assert not source.live
    assert source.fps == 25
    assert len(frames) == 30
    assert all(frame.image.shape == (50, 66, 3) and frame.image.min() > 250 for frame in frames)
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04)
    assert source.ended == Ended("end_of_file")


def test_colours_are_bgr(gst: Any) -> None:
    del gst
    with open_source(f"videotestsrc num-buffers=1 pattern=blue ! {CAPS} ! videoconvert ! appsink") as source:
        (frame,) = source
    assert np.abs(frame.image.reshape(-1, 3).astype(int) - (255, 0, 0)).max() < 4


def test_pixels_become_square(gst: Any) -> None:
    del gst
    caps = f"{CAPS},pixel-aspect-ratio=2/1"
    with open_source(f"videotestsrc num-buffers=2 ! {caps} ! videoconvert ! appsink") as source:
        assert (source.width, source.height) == (132, 50)


def test_a_live_pipeline(gst: Any) -> None:
    del gst
    pipeline = f"videotestsrc is-live=true num-buffers=20 ! {CAPS} ! videoconvert ! appsink"
    with open_source(pipeline, timeout=5) as source:
        frames = list(source)
    assert source.live
    assert 10 <= len(frames) <= 20
    assert source.ended == Ended("lost", f"{source.name} gave no more frames")


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("nonsense ! appsink", "is no pipeline: no element"),
        ("videotestsrc ! fakesink", "has 0 appsinks, expected one"),
        ("videotestsrc ! tee name=t t. ! queue ! appsink t. ! queue ! appsink", "has 2 appsinks"),
        ("filesrc location=/none ! decodebin ! videoconvert ! appsink", "failed in filesrc"),
        ("audiotestsrc ! audioconvert ! appsink", "is no pipeline|failed in|could not link"),
    ],
)
def test_pipelines_that_are_wrong(gst: Any, pipeline: str, message: str) -> None:
    del gst
    with pytest.raises(SourceError, match=message):
        open_source(pipeline, timeout=30)


def test_a_live_pipeline_that_is_silent(gst: Any) -> None:
    del gst
    with pytest.raises(SourceError, match=r"within 0\.5 s|for 0\.5 s"):
        open_source("udpsrc port=0 caps=video/x-raw,format=BGR,width=4,height=4 ! appsink", timeout=0.5)


def test_without_pygobject_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.getBuildInformation", lambda: "GStreamer: NO")
    monkeypatch.setitem(sys.modules, "gi", None)
    with pytest.raises(SourceError, match=r"needs PyGObject.*edgeseg\[gstreamer\]"):
        open_source("videotestsrc ! videoconvert ! appsink")
