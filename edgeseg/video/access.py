"""How a source on a network is entered: user and password, and whom to trust as the source."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from edgeseg.certificates import authorities
from edgeseg.errors import UsageError
from edgeseg.private_file import first_line


@dataclass(frozen=True)
class Credentials:
    """User and password; printed, the password is hidden."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Access:
    """What opening a URL needs beside the URL.

    Attributes:
        credentials: for a URL that holds none; None: those of the environment, EDGESEG_USER and EDGESEG_PASSWORD.
        ca: certificates in PEM that https and rtsps servers are verified against; None: the system's.
        insecure: do not verify them.
    """

    credentials: Credentials | None = None
    ca: Path | None = None
    insecure: bool = False

    def found(self) -> Credentials | None:
        """The credentials given, or the environment's."""
        if self.credentials is not None:
            return self.credentials
        user, password = os.environ.get("EDGESEG_USER"), os.environ.get("EDGESEG_PASSWORD")
        return Credentials(user or "", password or "") if user or password else None

    def tls(self) -> dict[str, str]:
        """FFmpeg's options.

        Raises:
            UsageError: there are no certificates to verify against.
        """
        if self.insecure:
            return {"tls_verify": "0"}
        return {"tls_verify": "1", "ca_file": str(authorities(self.ca, "--ca"))}


def read_credentials(path: Path) -> Credentials:
    """Reads `user:password` from the first line of a file that only its owner may read.

    Raises:
        UsageError: others may read it, it cannot be read, or holds something else.
    """
    user, colon, password = first_line(path, "the credentials").partition(":")
    if not colon or not user:
        raise UsageError(f"{path} holds no credentials, expected user:password on its first line")
    return Credentials(user, password)
