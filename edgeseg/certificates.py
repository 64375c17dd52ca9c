"""Certificates in PEM: one's own with its key, and those that others are verified against."""

from __future__ import annotations

import ssl
from pathlib import Path

from edgeseg.errors import UsageError


def check_certificate(certificate: Path, key: Path) -> None:
    """Raises UsageError unless the two belong together and can be used; they may be in one file."""

    def no_password() -> str:
        raise UsageError(f"the key {key} is locked by a password, which nobody can type here; take one without")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, no_password)
    except OSError as error:  # of which SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or error
        raise UsageError(
            f"{certificate} and {key} are no certificate in PEM with its key ({reason}); check both"
        ) from error


def context_of(ca: Path) -> ssl.SSLContext:
    """What trusts the certificates in a file, and those that they signed.

    Raises:
        UsageError: it holds none.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # of which SSLError is one
        raise UsageError(f"{ca} holds no certificates in PEM ({error}); check the path") from error


def authorities(ca: Path | None, option: str) -> Path:
    """The file of certificates to verify servers against: the system's, unless another is given.

    Raises:
        UsageError: there is none; the message names the option that gives one.
    """
    file = ca or ssl.get_default_verify_paths().cafile
    if file is None or not Path(file).is_file():
        what = f"{ca} is no file" if ca else "this system has no bundle of certificates"
        raise UsageError(f"{what}, expected certificates in PEM to verify the server with; give {option} FILE")
    return Path(file)
