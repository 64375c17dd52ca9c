"""Ed25519 keys (RFC 8032) in PEM files, as OpenSSL writes them: NAME.key is private (PKCS #8), NAME.pub public.

A key's fingerprint is the SHA-256 of its public half in DER. OpenSSL gives the same:

    openssl pkey -pubin -in acme.pub -outform DER | sha256sum
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.atomic import atomic_file
from edgeseg.errors import OutputError, UsageError
from edgeseg.files import read_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE, PUBLIC = ".key", ".pub"

LARGEST = 4096
"""Bytes of a key file; Ed25519's have some hundred."""


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are verified with.

    Attributes:
        name: of its file, without the suffix: whom the user takes its owner for.
        key: what `cryptography` made of it.
        fingerprint: 64 hexadecimal digits.
    """

    name: str
    key: Ed25519PublicKey
    fingerprint: str

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the key's owner signed this very message."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint[:16]})"


def need_cryptography() -> None:
    """Says how to get what signatures need, where it is not installed.

    Raises:
        UsageError: it is not.
    """
    try:
        import cryptography
        import rfc8785  # noqa: F401

        del cryptography
    except ModuleNotFoundError as error:
        reason = f"signatures need {error.name}, which is not installed"
        raise UsageError(f"{reason}; pip install 'edgeseg[sign]'") from error


def public_key(name: str, key: Ed25519PublicKey) -> PublicKey:
    """The key with its fingerprint."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(name, key, hashlib.sha256(der).hexdigest())


def read_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        UsageError: it cannot be read, or is no public Ed25519 key; or cryptography is not installed.
    """
    need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _content(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        what = "a private key" if b"PRIVATE KEY" in content else "no public Ed25519 key in PEM"
        raise UsageError(f"{path} holds {what}, expected the {PUBLIC} file that edgeseg keygen wrote")
    return public_key(path.stem, key)


def read_private_key(path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """The private key in a PEM file that its owner alone may read.

    Args:
        path: of the file.
        passphrase: asked where the key is encrypted.

    Raises:
        UsageError: it cannot be read, is no private Ed25519 key, others may read it, or the passphrase is another.
    """
    need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _content(path)
    if b"PRIVATE KEY" in content and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"others than its owner may read the key {path}; close it: chmod 600 {path}")
    encrypted = b"ENCRYPTED PRIVATE KEY" in content
    secret = passphrase().encode() if encrypted else None
    try:
        key = load_pem_private_key(content, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise UsageError(f"cannot open the key {path}: it is damaged, or the passphrase is wrong") from error
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        what = "a public key" if b"PUBLIC KEY" in content else "no private Ed25519 key in PEM"
        raise UsageError(f"{path} holds {what}, expected the {PRIVATE} file that edgeseg keygen wrote")
    return key


def write_keys(stem: Path, passphrase: str | None, *, overwrite: bool = False) -> PublicKey:
    """Makes a new pair of keys: STEM.key, which its owner alone may read, and STEM.pub.

    Args:
        stem: the files' path without the suffix.
        passphrase: that encrypts the private key; None: it is not encrypted.
        overwrite: replace keys that are there; what they signed can then be signed no more.

    Raises:
        OutputError: a key of that name is there, or a file cannot be written.
        UsageError: the stem names no file, or cryptography is not installed.
    """
    need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    if stem.name in ("", ".."):
        raise UsageError(f"{stem} names no file; give the path of both keys without its suffix, as keys/acme")
    private, public = (stem.with_name(stem.name + suffix) for suffix in (PRIVATE, PUBLIC))
    for path in (private, public):
        if os.path.lexists(path) and not overwrite:
            raise OutputError(f"{path} already exists, and an overwritten key is lost; choose another name")
    key = Ed25519PrivateKey.generate()
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase.encode())
    with atomic_file(public) as public_file, atomic_file(private, 0o600) as private_file:
        private_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        public_file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public_key(stem.name, key.public_key())


def _content(path: Path) -> bytes:
    try:
        return read_file(path, LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror or error}; check the path") from error
