"""Where a service may listen: anybody on this machine may come, others need a token."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from edgeseg.certificates import check_certificate
from edgeseg.errors import UsageError
from edgeseg.serve.listen import check_free, is_loopback, parse_address, read_token
from edgeseg.serve.settings import ListenSettings


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8765", ("127.0.0.1", 8765)), ("[::1]:0", ("::1", 0)), ("localhost:80", ("localhost", 80))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "8765", ":8765", "127.0.0.1", "::1:80", "a b:1", "h:70000", "h:\uff11"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no address with a port"):
        parse_address(text)


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="is not known here"):
        parse_address("no-such-host.invalid:80")


def test_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.1.2.3")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("::")
    assert not is_loopback("192.0.2.1")


def test_a_token_is_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(" 0123456789abcdef \nmore\n")
    path.chmod(0o600)
    assert read_token(path) == "0123456789abcdef"
    with pytest.raises(UsageError, match="cannot read the token"):
        read_token(tmp_path)


def test_a_port_is_free_or_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1, port {port}: .*in use"):
            check_free(ListenSettings("127.0.0.1", port))
    check_free(ListenSettings("127.0.0.1", port))
    with pytest.raises(UsageError, match=r"cannot listen at 192\.0\.2\.1"):
        check_free(ListenSettings("192.0.2.1", 0))


def test_certificates(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl, which makes the certificates")
    for name, more in (("a", ["-nodes"]), ("b", ["-nodes"]), ("locked", ["-passout", "pass:1234"])):
        command: list[str | Path] = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost", *more]
        files: list[str | Path] = ["-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"]
        subprocess.run([*command, *files], check=True, capture_output=True)
    check_certificate(tmp_path / "a.pem", tmp_path / "a.key")
    with pytest.raises(UsageError, match="are no certificate in PEM with its key"):
        check_certificate(tmp_path / "a.pem", tmp_path / "b.key")
    with pytest.raises(UsageError, match="locked by a password"):
        check_certificate(tmp_path / "locked.pem", tmp_path / "locked.key")
