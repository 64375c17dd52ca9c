"""What page, API and metrics see of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from edgeseg.serve.event_log import EventLog
from edgeseg.serve.status import ServiceStatus
from edgeseg.video.model import Model, Result

Kind = Literal["plain", "overlay", "confidence"]
"""Pictures that a camera's video may show."""


class Fragments(Protocol):
    """Fragmented MP4 for one reader; of one who is slow whole fragments are lost.

    Attributes:
        codec: of the fragment that `get` gave last, such as "avc1.42c01f".
        init: what has to come before it; other bytes when the frames' size has changed.
    """

    codec: str
    init: bytes

    def get(self, timeout: float | None = ...) -> bytes | None:
        """The next fragment; None where none came within so many seconds."""

    def close(self) -> None:
        """Ends it, and wakes who waits."""


class Live(Protocol):
    """A camera's video, which is encoded while somebody sees it."""

    def subscribe(self, kind: Kind) -> Fragments:
        """Its fragments from now on; to be closed."""


class Camera(Protocol):
    """One camera."""

    @property
    def newest(self) -> Result | None:
        """Its last result, without overlay; None before the first."""

    @property
    def live(self) -> Live | None:
        """Its video; None where there is none."""


class View(Protocol):
    """The service."""

    @property
    def events(self) -> EventLog:
        """What happened."""

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """By name; replaced as a whole when the settings change."""

    @property
    def model(self) -> Model:
        """What segments now."""

    def status(self) -> ServiceStatus:
        """Where it stands now."""

    def is_well(self) -> bool:
        """Whether work goes on, for whatever frames come."""
