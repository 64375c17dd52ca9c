"""Key files: OpenSSL reads ours, we read OpenSSL's; others are refused, and none is overwritten unasked."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import EdgeSegError, OutputError, UsageError
from edgeseg.keys import LARGEST, read_private_key, read_public_key, write_keys

pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")

OPENSSL = shutil.which("openssl")


def unasked() -> str:
    raise AssertionError("a passphrase was asked for")


def openssl(*words: str | Path) -> bytes:
    if OPENSSL is None:
        pytest.skip("this machine has no openssl command")
    return subprocess.run([OPENSSL, *map(str, words)], capture_output=True, check=True).stdout


def test_a_pair_is_written_and_read(tmp_path: Path) -> None:
    written = write_keys(tmp_path / "acme.release", None)
    private, public = tmp_path / "acme.release.key", tmp_path / "acme.release.pub"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    key = read_public_key(public)
    assert (key.name, key.fingerprint) == ("acme.release", written.fingerprint)
    signature = read_private_key(private, unasked).sign(b"message")
    assert key.verifies(signature, b"message")
    assert not key.verifies(signature, b"massage")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.release.key", "acme.release.pub"]


def test_openssl_verifies_what_we_sign_and_knows_the_fingerprint(tmp_path: Path) -> None:
    key = write_keys(tmp_path / "acme", None)
    der = openssl("pkey", "-pubin", "-in", tmp_path / "acme.pub", "-outform", "DER")
    assert hashlib.sha256(der).hexdigest() == key.fingerprint
    (tmp_path / "message").write_bytes(b"message")
    (tmp_path / "signature").write_bytes(read_private_key(tmp_path / "acme.key", unasked).sign(b"message"))
    words = ("-verify", "-pubin", "-inkey", tmp_path / "acme.pub", "-rawin", "-in", tmp_path / "message")
    assert b"Verified" in openssl("pkeyutl", *words, "-sigfile", tmp_path / "signature")


def test_a_pair_of_openssls_is_read(tmp_path: Path) -> None:
    private, public = tmp_path / "o.key", tmp_path / "o.pub"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    private.chmod(0o600)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    signature = read_private_key(private, unasked).sign(b"message")
    assert read_public_key(public).verifies(signature, b"message")


def test_a_passphrase_encrypts(tmp_path: Path) -> None:
    write_keys(tmp_path / "acme", "open sesame")
    key = tmp_path / "acme.key"
    assert b"ENCRYPTED" in key.read_bytes()
    assert read_private_key(key, lambda: "open sesame").sign(b"")
    for wrong in ("open barley", ""):
        with pytest.raises(UsageError, match="the passphrase is wrong"):
            read_private_key(key, lambda word=wrong: word)  # type: ignore[misc]


def test_keys_are_replaced_when_asked_alone(tmp_path: Path) -> None:
    first = write_keys(tmp_path / "acme", None)
    before = (tmp_path / "acme.key").read_bytes()
    for missing in ("acme.key", "acme.pub", None):
        if missing:
            (tmp_path / missing).rename(tmp_path / "aside")
        with pytest.raises(OutputError, match="already exists"):
            write_keys(tmp_path / "acme", None)
        if missing:
            (tmp_path / "aside").rename(tmp_path / missing)
    assert (tmp_path / "acme.key").read_bytes() == before
    assert write_keys(tmp_path / "acme", None, overwrite=True).fingerprint != first.fingerprint
    assert stat.S_IMODE((tmp_path / "acme.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("stem", [".", "..", "/", "keys/.."])
def test_a_folder_is_no_name_of_keys(stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="names no file"):
        write_keys(Path(stem), None)
    assert list(tmp_path.iterdir()) == []


def test_others_may_not_read_a_private_key(tmp_path: Path) -> None:
    write_keys(tmp_path / "acme", None)
    (tmp_path / "acme.key").chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        read_private_key(tmp_path / "acme.key", unasked)


def test_other_files_are_refused(tmp_path: Path) -> None:
    write_keys(tmp_path / "acme", None)
    openssl("genpkey", "-algorithm", "x25519", "-out", tmp_path / "other.key")
    (tmp_path / "other.key").chmod(0o600)
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    for path, reason in (
        (tmp_path / "acme.pub", "holds a public key"),
        (tmp_path / "other.key", "no private Ed25519 key"),
        (tmp_path / "none", "cannot read the key"),
        (tmp_path, "cannot read the key"),
        (tmp_path / "large", "expected at most"),
    ):
        with pytest.raises(UsageError, match=reason):
            read_private_key(path, unasked)
    with pytest.raises(UsageError, match="holds a private key"):
        read_public_key(tmp_path / "acme.key")


@given(data=st.data())
def test_damaged_keys_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("keys")
    write_keys(folder / "acme", None)
    for name in ("acme.key", "acme.pub"):
        content = (folder / name).read_bytes()
        at = data.draw(st.integers(0, len(content)))
        changed = content[:at] + data.draw(st.binary(max_size=4)) + content[at + data.draw(st.integers(0, 4)) :]
        (folder / name).write_bytes(changed)
        with contextlib.suppress(EdgeSegError):
            if name == "acme.key":
                read_private_key(folder / name, lambda: "")
            else:
                read_public_key(folder / name)
