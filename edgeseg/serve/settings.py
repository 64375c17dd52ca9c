"""What a service is to do, as its settings file says; `settings_file` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgeseg.artifact import Precision
from edgeseg.trust import NO_DEMAND, Demand
from edgeseg.video.access import Access, Credentials
from edgeseg.video.options import Mode, StreamOptions
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.request import Request

Batching = Literal["auto", "on", "off"]

BELOW = 0.8
"""Of `above`: where a rule ends, unless it says so itself."""


@dataclass(frozen=True)
class BundleSettings:
    """What segments, as for `edgeseg run`.

    Attributes:
        bundle: name of one that comes with edgeseg, or an absolute path.
        engine: the runtime, or "auto".
        precision: of the artifact; None: the engine's, or auto's choice.
        mode: many frames at once on one core each, or one frame at a time on all cores.
        workers: frames at once, instead of what the mode says.
        threads: that each frame's inference runs on, instead of what the mode says.
        batch: frames of several cameras go into one call of the network: "on"; "off"; "auto": where mode is
            "throughput", and that measures faster when the bundle is loaded.
        demand: what is asked of the bundle.
    """

    bundle: str = "road"
    engine: str = "auto"
    precision: Precision | None = None
    mode: Mode = "throughput"
    workers: int | None = None
    threads: int | None = None
    batch: Batching = "auto"
    demand: Demand = NO_DEMAND


@dataclass(frozen=True)
class ListenSettings:
    """Where page, API and metrics are served.

    Attributes:
        host: an address of this machine, or a name of it.
        port: of it; 0: a free one.
        token: what a client has to know; None on a loopback address alone.
        certificate: of the server, in PEM; None: no TLS.
        key: of the certificate, in PEM.
    """

    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class MqttSettings:
    """The broker that states and events are told.

    Attributes:
        host: of the broker.
        port: of the broker.
        topic: that all topics begin with.
        credentials: user and password; None: none are sent.
        ca: certificates in PEM that the broker is verified against; None: no TLS.
    """

    host: str
    port: int = 1883
    topic: str = "edgeseg"
    credentials: Credentials | None = None
    ca: Path | None = None


@dataclass(frozen=True)
class RecordingSettings:
    """What of a camera is written, where, and for how long.

    Attributes:
        folder: absolute, there, and writable when it was read.
        segment_seconds: length of a file.
        overlay: record overlays instead of the plain picture.
        masks: write the masks too.
        fractions: write the classes' fractions of each mask too.
        keep_hours: older segments are deleted; None: none is for its age.
        keep_bytes: that this camera's segments may have together; None: any number.
        keep_free: bytes that are left free on the disk; None: as many as there are.
    """

    folder: Path
    segment_seconds: float = 60.0
    overlay: bool = False
    masks: bool = False
    fractions: bool = False
    keep_hours: float | None = None
    keep_bytes: int | None = None
    keep_free: int | None = None


@dataclass(frozen=True)
class Zone:
    """A part of the picture.

    Attributes:
        name: of the zone.
        corners: of the polygon, (x, y) in fractions of the frame's width and height; at least 3, and no edge crosses
            another.
    """

    name: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Rule:
    """When something is an event.

    Attributes:
        name: of the rule.
        class_name: of the class that is looked for: `class` in the file.
        zone: name of the zone that it is looked for in; None: the whole frame.
        above: fraction of the zone's pixels, 0 to below 1; the rule begins to hold when the class has more for
            `seconds`.
        below: it ends when the class has no more than this for `seconds`.
        seconds: `for` in the file.
    """

    name: str
    class_name: str
    zone: str | None
    above: float
    below: float
    seconds: float = 0.0


@dataclass(frozen=True)
class LabellingSettings:
    """Frames that are kept for labelling.

    Attributes:
        folder: absolute, there, and writable when it was read.
        most: frames that are kept.
        most_bytes: that they may have together.
        every: seconds that lie between two of them at least.
    """

    folder: Path
    most: int = 1000
    most_bytes: int = 10**9
    every: float = 10.0


@dataclass(frozen=True)
class DriftSettings:
    """How a camera is watched for drift.

    Attributes:
        folder: absolute, there, and writable when it was read; the reference lies in it.
        learn_hours: of live video, that the reference is learnt from.
        every: seconds of a period, whose means are held against the reference.
        limit: drift is what lies so many times the reference's spread away from it.
    """

    folder: Path
    learn_hours: float = 24.0
    every: float = 60.0
    limit: float = 5.0

    @property
    def periods(self) -> int:
        """That the reference is learnt from."""
        return round(3600 * self.learn_hours / self.every)


@dataclass(frozen=True)
class CameraSettings:
    """One camera.

    Attributes:
        name: of the camera: letters, digits, ".", "_" and "-".
        source: a camera's number or path, a URL, or a GStreamer pipeline.
        credentials: for a URL that holds none.
        ca: certificates in PEM that https and rtsps servers are verified against; None: the system's.
        insecure: do not verify them.
        options: FFmpeg's own.
        timeout: seconds that it may take to answer.
        stall_after: seconds without a new frame after which it is stalled.
        give_up_after: seconds without a frame after which it has failed; None: never.
        max_age: seconds that a frame may have waited when its turn comes; None: any number.
        smooth: how much of the average of the logits over time goes into the next one, 0 (none) to below 1.
        recording: None: nothing is recorded.
        zones: parts of the picture that rules look at.
        rules: what is an event.
        labelling: None: no frames are kept for labelling.
        drift: None: it is not watched for drift.
    """

    name: str
    source: str = field(repr=False)
    credentials: Credentials | None = None
    ca: Path | None = None
    insecure: bool = False
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    stall_after: float = 3.0
    give_up_after: float | None = None
    max_age: float | None = None
    smooth: float = 0.0
    recording: RecordingSettings | None = None
    zones: tuple[Zone, ...] = ()
    rules: tuple[Rule, ...] = ()
    labelling: LabellingSettings | None = None
    drift: DriftSettings | None = None

    @property
    def policy(self) -> Policy:
        """How its connection is supervised."""
        options = StreamOptions(
            timeout=self.timeout, reconnect=True, stall_after=self.stall_after, give_up_after=self.give_up_after
        )
        assert options.policy is not None
        return options.policy

    @property
    def request(self) -> Request:
        """What its process opens."""
        return Request(self.source, self.timeout, self.options, Access(self.credentials, self.ca, self.insecure))


@dataclass(frozen=True)
class ServiceSettings:
    """All of it.

    Attributes:
        bundle: what segments.
        cameras: in the order of the file; at least one.
        listen: where page, API and metrics are served; None: nowhere.
        mqtt: the broker that is told; None: none.
    """

    bundle: BundleSettings
    cameras: tuple[CameraSettings, ...]
    listen: ListenSettings | None = None
    mqtt: MqttSettings | None = None
