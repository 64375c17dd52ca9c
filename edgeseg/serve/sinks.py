"""What becomes of a camera's masks, as its settings say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.recording.recorder import Recorder
from edgeseg.serve.settings import CameraSettings
from edgeseg.serve.sink import Sink

FPS = 25.0
"""That a camera is expected to have, before it is known; the encoder's rate control begins with it."""


@dataclass(frozen=True)
class Sinks:
    """Of one camera.

    Attributes:
        all: in the order in which they get results and are closed: the video's last fragment is for the others.
        live: its video; None where there is none.
        recorder: writes files; None where nothing is recorded.
    """

    all: tuple[Sink, ...] = ()
    live: LiveVideo | None = None
    recorder: Recorder | None = None


def open_sinks(settings: CameraSettings, model: Callable[[], Segmenter], events: EventLog) -> Sinks:
    """Opens what a camera's settings ask for.

    Args:
        settings: of the camera.
        model: returns what segments now; it may change, to one of the same classes.
        events: told what happens.
    """
    live = LiveVideo(settings.name, model, FPS)
    if settings.recording is None:
        return Sinks((live,), live)
    recorder = Recorder(settings.recording, settings.name, live, events, model().spec.classes)
    return Sinks((live, recorder), live, recorder)
