"""What a service says of itself: plain values, made when they are asked for, and the same as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from edgeseg.video.supervised.status import Connection, State
from edgeseg.video.timing import Histogram


@dataclass(frozen=True)
class RecordingStatus:
    """Where a camera's recording stands.

    Attributes:
        recording: frames are being written.
        reason: why they are not, as a sentence; None while they are.
        segments: files that were finished.
        bytes: written, in finished files and the present one.
        lost: frames that were not recorded, while it was paused or behind.
    """

    recording: bool
    reason: str | None
    segments: int
    bytes: int
    lost: int


@dataclass(frozen=True)
class DriftStatus:
    """How a camera's figures are to their reference.

    Attributes:
        state: "learning" the reference, "steady" or "drifting".
        learnt: part of the reference that is learnt, 0 to 1.
        values: of the moving averages: the distance of the mix of classes from the reference's, the confidence, and the
            churn of the masks, each 0 to 1. Empty while there is no reference, and none is held against it yet.
        deviations: of the same from the reference, in its spreads.
    """

    state: Literal["learning", "steady", "drifting"]
    learnt: float
    values: dict[str, float]
    deviations: dict[str, float]


@dataclass(frozen=True)
class CameraStatus:
    """Where a camera stands.

    Attributes:
        name: of the camera.
        source: what it reads, credentials removed.
        state: of its connection.
        seconds: since that began.
        cause: one word for what last went wrong; None as long as nothing did.
        reason: the same as a sentence.
        retry_in: seconds until it is connected anew; None unless it is reconnecting.
        frozen: its picture does not change.
        width: of the newest frame, in pixels; 0 before the first.
        height: of the newest frame, in pixels; 0 before the first.
        fps: masks a second, over the last 10 s.
        masks: since the camera was started.
        skipped: frames that arrived and got no mask, by cause: those of `edgeseg.video.source.Skipped`; "too_old", as
            they had waited for longer than `max_age`; "failed", as the network could not take them.
        age: seconds since the newest mask's frame was captured; None before the first.
        connection: what became of it.
        stages: durations of capture, prepare, infer, kernel and capture_to_mask.
        fractions: of the newest mask, by class: 0 to 1. Empty before the first.
        recording: None where nothing is recorded.
        drift: None where none is watched for.
        missed: masks that came faster than "rules" or "drift" looked at them, by which of the two.
    """

    name: str
    source: str
    state: State
    seconds: float
    cause: str | None
    reason: str | None
    retry_in: float | None
    frozen: bool
    width: int
    height: int
    fps: float
    masks: int
    skipped: dict[str, int]
    age: float | None
    connection: Connection
    stages: dict[str, Histogram]
    fractions: dict[str, float]
    recording: RecordingStatus | None
    drift: DriftStatus | None = None
    missed: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; durations of stages in milliseconds."""
        return {
            **vars(self),
            "connection": asdict(self.connection),
            "stages": {name: times.summary() for name, times in self.stages.items()},
            "recording": None if self.recording is None else asdict(self.recording),
            "drift": None if self.drift is None else asdict(self.drift),
        }


@dataclass(frozen=True)
class ServiceStatus:
    """Where a service stands.

    Attributes:
        version: of edgeseg.
        bundle: its name.
        sha256: of the artifact that runs.
        engine: the runtime.
        precision: of the artifact.
        classes: names by class id.
        palette: RGB colours (0-255) by class id.
        seconds: since the service was started.
        cameras: in the order of the settings.
        batch: frames of several cameras that the network is given in one call, at most.
        lost_events: events that did not reach a reader who was slow or away, by reader: "stdout", "web", "mqtt".
    """

    version: str
    bundle: str
    sha256: str
    engine: str
    precision: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    seconds: float
    cameras: tuple[CameraStatus, ...]
    batch: int = 1
    lost_events: dict[str, int] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether every camera is live, or connects for the first time."""
        return all(camera.state in ("live", "connecting") for camera in self.cameras)

    @property
    def fps(self) -> float:
        """Masks a second of all cameras, over the last 10 s."""
        return math.fsum(camera.fps for camera in self.cameras)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "version": self.version,
            "bundle": self.bundle,
            "sha256": self.sha256,
            "engine": self.engine,
            "precision": self.precision,
            "classes": list(self.classes),
            "palette": [list(colour) for colour in self.palette],
            "batch": self.batch,
            "seconds": self.seconds,
            "healthy": self.healthy,
            "fps": self.fps,
            "lost_events": self.lost_events,
            "cameras": [camera.to_json() for camera in self.cameras],
        }
