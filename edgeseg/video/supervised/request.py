"""What a supervisor asks its child to open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeseg.video.access import Access, Credentials


@dataclass(frozen=True)
class Request:
    """A live source, as `edgeseg.video.open.open_source` takes it.

    Attributes:
        source: a camera's number or path, a URL, or a GStreamer pipeline.
        timeout: seconds that it may take to open, and to give each frame.
        options: FFmpeg's own.
        access: user and password, and how servers are verified.
    """

    source: str = field(repr=False)
    timeout: float = 10.0
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    access: Access = field(default_factory=Access, repr=False)

    def to_json(self) -> dict[str, Any]:
        """For the channel to the child, and no other place: the password is in it."""
        credentials = self.access.credentials
        return {
            "source": self.source,
            "timeout": self.timeout,
            "options": dict(self.options),
            "credentials": None if credentials is None else [credentials.user, credentials.password],
            "ca": None if self.access.ca is None else str(self.access.ca),
            "insecure": self.access.insecure,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """What `to_json` gave."""
        credentials = None if data["credentials"] is None else Credentials(*data["credentials"])
        ca = None if data["ca"] is None else Path(data["ca"])
        access = Access(credentials, ca, data["insecure"])
        return cls(data["source"], data["timeout"], data["options"], access)
