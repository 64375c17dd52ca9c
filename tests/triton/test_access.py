"""Servers over TLS, with certificates and tokens: who is let in, and what is said to who is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, UsageError
from edgeseg.segmenter import load
from edgeseg.triton.access import TLS, ServerAccess
from edgeseg.triton.client import RemoteSegmenter, connect
from edgeseg.triton.servers import Patience, Servers
from tests.triton.faulty_server import FaultyServer

pytest.importorskip("cryptography", reason="it makes the certificates: edgeseg[sign]")

from tests.triton.authority import Authority

AUTHORITY, STRANGER = Authority("authority"), Authority("stranger")
FRAME = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
LOCAL = "127.0.0.1"
Serve = Callable[..., str]


@pytest.fixture
def servers() -> Iterator[list[FaultyServer]]:
    started: list[FaultyServer] = []
    yield started
    for server in started:
        server.stop()


@pytest.fixture
def serve(bundle: Bundle, servers: list[FaultyServer]) -> Serve:
    """`serve(certificate, key)`: the address of a server with TLS; with `clients`, it asks these for certificates."""

    def start(certificate: bytes, key: bytes, *, clients: bytes | None = None) -> str:
        credentials = grpc.ssl_server_credentials([(key, certificate)], clients, clients is not None)
        servers.append(FaultyServer(bundle, credentials))
        return TLS + servers[-1].address

    return start


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return AUTHORITY.write(tmp_path / "ca.pem")


def ask(bundle: Bundle, address: str, **access: Any) -> RemoteSegmenter:
    return connect([address], bundle, patience=Patience(2, 4), access=ServerAccess(**access))


def test_a_verified_server_gives_the_masks(serve: Serve, bundle: Bundle, ca: Path) -> None:
    model = ask(bundle, serve(*AUTHORITY.sign(LOCAL)), ca=ca)
    assert np.array_equal(model(FRAME), load(bundle, threads=1)(FRAME))
    model.close()


def test_other_servers_are_not_trusted(serve: Serve, bundle: Bundle, ca: Path) -> None:
    with pytest.raises(EngineError, match=r"certificate that cannot be trusted .*give --server-ca"):
        ask(bundle, serve(*STRANGER.sign(LOCAL)), ca=ca)
    with pytest.raises(EngineError, match="a certificate for another name"):
        ask(bundle, serve(*AUTHORITY.sign("192.0.2.1")), ca=ca)


def test_the_system_does_not_trust_it(serve: Serve, bundle: Bundle, ca: Path, monkeypatch: Any) -> None:
    address = serve(*AUTHORITY.sign(LOCAL))
    monkeypatch.setenv("SSL_CERT_FILE", str(STRANGER.write(ca.with_name("system.pem"))))
    with pytest.raises(EngineError, match="cannot be trusted"):
        ask(bundle, address)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    ask(bundle, address).close()


def test_tls_on_one_side_alone(serve: Serve, bundle: Bundle, ca: Path, servers: list[FaultyServer]) -> None:
    servers.append(FaultyServer(bundle))
    with pytest.raises(EngineError, match="speaks without TLS; leave grpcs:// out"):
        ask(bundle, TLS + servers[-1].address, ca=ca)
    with pytest.raises(EngineError, match=r"hangs up, as one does that wants TLS \(grpcs://\)"):
        ask(bundle, serve(*AUTHORITY.sign(LOCAL)).removeprefix(TLS))


def test_a_server_that_asks_for_a_certificate(serve: Serve, bundle: Bundle, ca: Path, tmp_path: Path) -> None:
    address = serve(*AUTHORITY.sign(LOCAL), clients=AUTHORITY.certificate)
    own, strange = tmp_path / "own.pem", tmp_path / "strange.pem"
    own.write_bytes(b"".join(AUTHORITY.sign(LOCAL)))
    strange.write_bytes(b"".join(STRANGER.sign(LOCAL)))
    model = ask(bundle, address, ca=ca, certificate=own)
    assert np.array_equal(model(FRAME), load(bundle, threads=1)(FRAME))
    model.close()
    for certificate in (None, strange):
        with pytest.raises(EngineError, match=r"hangs up, .*or a certificate of this device"):
            ask(bundle, address, ca=ca, certificate=certificate)


def test_a_token_goes_with_each_request(serve: Serve, bundle: Bundle, ca: Path, servers: list[FaultyServer]) -> None:
    address = serve(*AUTHORITY.sign(LOCAL))
    seen: list[str | bytes | None] = []

    def guard(context: Any) -> None:
        seen.append(dict(context.invocation_metadata()).get("authorization"))
        if seen[-1] != "Bearer open-sesame":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no such token")

    servers[-1].fault = guard
    model = ask(bundle, address, ca=ca, token="open-sesame")
    assert np.array_equal(model(FRAME), load(bundle, threads=1)(FRAME))
    model.close()
    assert seen == ["Bearer open-sesame"] * 2
    for token in (None, "open-wheat"):
        with pytest.raises(EngineError, match=r"does not let this device in \(no such token\)"):
            ask(bundle, address, ca=ca, token=token)
    assert "open" not in repr(ServerAccess(token="open-sesame"))


@pytest.mark.parametrize(
    ("access", "what"),
    [
        (ServerAccess(token="open-sesame"), "got a token for server gpu:8001"),
        (ServerAccess(ca=Path("ca.pem")), "got certificates for server gpu:8001"),
        (ServerAccess(certificate=Path("own.pem")), "got a certificate for server gpu:8001"),
    ],
)
def test_without_tls_nothing_secret_is_sent(access: ServerAccess, what: str) -> None:
    with pytest.raises(UsageError, match=f"{what}, which is asked without TLS; write grpcs://gpu:8001") as raised:
        Servers(["gpu"], Patience(), print, access)
    assert "sesame" not in str(raised.value)


def test_files_that_hold_something_else(tmp_path: Path, ca: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"nothing")
    alone = tmp_path / "alone.pem"
    alone.write_bytes(AUTHORITY.sign(LOCAL)[0])  # the key is not with it
    for access, message in (
        (ServerAccess(ca=empty), "holds no certificates in PEM"),
        (ServerAccess(ca=tmp_path / "none.pem"), "none.pem is no file, .*give --server-ca FILE"),
        (ServerAccess(ca=ca, certificate=alone), "are no certificate in PEM with its key"),
        (ServerAccess(ca=ca, certificate=tmp_path / "none.pem"), "No such file"),
    ):
        with pytest.raises(UsageError, match=message):
            Servers([f"{TLS}gpu"], Patience(), print, access)
