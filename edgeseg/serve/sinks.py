"""What becomes of a camera's masks, as its settings say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgeseg.segmenter import Segmenter
from edgeseg.serve.drift.watch import DriftWatch
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import Kind, LiveVideo
from edgeseg.serve.recording.recorder import Recorder
from edgeseg.serve.rules.labelling import LabellingSet
from edgeseg.serve.rules.rules import Rules
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
        drift: watches for drift; None where nothing does.
        rules: makes events of zones and classes; None where there are none.
    """

    all: tuple[Sink, ...] = ()
    live: LiveVideo | None = None
    recorder: Recorder | None = None
    drift: DriftWatch | None = None
    rules: Rules | None = None


def open_sinks(
    settings: CameraSettings,
    model: Callable[[], Segmenter],
    events: EventLog,
    folders: Callable[[], Iterable[Path]],
) -> Sinks:
    """Opens what a camera's settings ask for.

    Args:
        settings: of the camera.
        model: returns what segments now; it may change, to one of the same classes.
        events: told what happens.
        folders: returns those of all recordings that now leave room on their disks.
    """
    name, spec, recording = settings.name, model().spec, settings.recording
    recorder = drift = rules = None
    live = LiveVideo(name, model, FPS)
    sinks: list[Sink] = [live]
    try:
        if recording is not None:
            recorder = Recorder(recording, name, live, events, spec.classes, folders)
            sinks.append(recorder)
        if settings.rules:
            folder = None if recording is None else recording.folder
            kind: Kind = "overlay" if recording is not None and recording.overlay else "plain"
            rules = Rules(name, settings.zones, settings.rules, spec.classes, events, live, folder, kind)
            sinks.append(rules)
        if settings.drift is not None:
            drift = DriftWatch(settings.drift, name, settings.smooth, model, events)
            sinks.append(drift)
        if settings.labelling is not None:
            drifting = (lambda: False) if drift is None else (lambda: drift.drifting)
            sinks.append(LabellingSet(settings.labelling, name, spec, model, events, drifting))
    except BaseException:
        for sink in sinks:
            sink.close(0.0)
        raise
    return Sinks(tuple(sinks), live, recorder, drift, rules)
