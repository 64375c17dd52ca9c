"""How a server is entered: TLS or none, and what shows it who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from edgeseg.certificates import authorities, check_certificate, context_of
from edgeseg.errors import UsageError
from edgeseg.files import read_file

TLS = "grpcs://"
"""How the address of a server that is asked over TLS begins."""

LARGEST = 2**20
"""Bytes of a file of certificates; Mozilla's list has a quarter of it."""


@dataclass(frozen=True)
class ServerAccess:
    """What a server asks for, and what it is asked for, before the first frame.

    Attributes:
        ca: certificates in PEM that servers are verified against; None: the system's.
        certificate: the device's own in PEM, with its key in the same file, for servers that ask for one.
        token: sent with each request, as "authorization: Bearer TOKEN"; printed, it is hidden.
    """

    ca: Path | None = None
    certificate: Path | None = None
    token: str | None = field(default=None, repr=False)

    def channel(self, address: str, options: Sequence[tuple[str, int]]) -> grpc.Channel:
        """A connection to come.

        Args:
            address: HOST:PORT; with TLS before it where the server is to be verified.
            options: gRPC's.

        Raises:
            UsageError: this access is for TLS and the address is not, or a file holds something else than it should.
        """
        if address.startswith(TLS):
            return grpc.secure_channel(address.removeprefix(TLS), self._credentials(), options=options)
        given = {"a certificate": self.certificate, "certificates": self.ca, "a token": self.token}
        surplus = [name for name, value in given.items() if value is not None]
        if surplus:
            reason = f"got {' and '.join(surplus)} for server {address}, which is asked without TLS"
            raise UsageError(f"{reason}; write {TLS}{address} if it has it, or leave them out")
        return grpc.insecure_channel(address, options=options)

    def _credentials(self) -> grpc.ChannelCredentials:
        ca = authorities(self.ca, "--server-ca")
        context_of(ca)
        own = None
        if self.certificate is not None:
            check_certificate(self.certificate, self.certificate)
            own = _read(self.certificate)  # in which gRPC finds either
        credentials = grpc.ssl_channel_credentials(_read(ca), own, own)
        if self.token is None:
            return credentials
        return grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(self.token))


def _read(path: Path) -> bytes:
    try:
        return read_file(path, LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}; check the path") from error
