"""What becomes of a camera's masks, as its settings say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeseg.segmenter import Segmenter
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.settings import CameraSettings
from edgeseg.serve.sink import Sink

FPS = 25.0
"""That a camera is expected to have, before it is known; the encoder's rate control begins with it."""


@dataclass(frozen=True)
class Sinks:
    """Of one camera.

    Attributes:
        all: in the order in which they get results and are closed.
        live: its video.
    """

    all: tuple[Sink, ...]
    live: LiveVideo | None = None


def open_sinks(settings: CameraSettings, model: Callable[[], Segmenter]) -> Sinks:
    """Opens what a camera's settings ask for.

    Args:
        settings: of the camera.
        model: returns what segments now; it may change.
    """
    live = LiveVideo(settings.name, model, FPS)
    return Sinks((live,), live)
