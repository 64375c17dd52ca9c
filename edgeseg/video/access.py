"""How a source on a network is entered: user and password, and whom to believe that it is the source."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path

from edgeseg.errors import UsageError
from edgeseg.files import read_file

LONGEST = 4096
"""Bytes of a file with user and password."""


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
        paths = ssl.get_default_verify_paths()
        ca = self.ca or paths.cafile
        if ca is None or not Path(ca).is_file():
            what = f"{self.ca} is no file" if self.ca else "this system has no bundle of certificates"
            raise UsageError(f"{what}, expected certificates in PEM to verify the server with; give --ca FILE")
        return {"tls_verify": "1", "ca_file": str(ca)}


def read_credentials(path: Path) -> Credentials:
    """Reads `user:password` from the first line of a file that only its owner may read.

    Raises:
        UsageError: others may read it, it cannot be read, or holds something else.
    """
    try:
        others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        content = read_file(path, LONGEST)
    except OSError as error:
        raise UsageError(f"cannot read the credentials in {path}: {error.strerror}; check the path") from error
    if others:
        raise UsageError(f"others than its owner may read the credentials in {path}; close it: chmod 600 {path}")
    user, colon, password = content.decode("utf-8", "replace").partition("\n")[0].rstrip("\r").partition(":")
    if not colon or not user:
        raise UsageError(f"{path} holds no credentials, expected user:password on its first line")
    return Credentials(user, password)
