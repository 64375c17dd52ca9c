"""Signatures of a bundle: signature.json beside bundle.json, Ed25519 (RFC 8032) over a short statement.

    {
      "format": 1,
      "signed": {
        "name": "road",                         of the bundle's spec
        "version": 4,                           grows with every release
        "index_sha256": "60303a...",            of bundle.json in its canonical form (RFC 8785)
        "card_sha256": "fd61a0..."              of the card's file, or null
      },
      "signatures": [{"key": "9f86d0...", "signature": "5891b5..."}]
    }

bundle.json holds the hash of every other file. What a key signs is "signed" in its canonical form, wrapped as DSSE does
(Dead Simple Signing Envelope, "PAE"), with the type `application/vnd.edgeseg.bundle+json`. A statement without
signatures is what is left when a signed bundle has changed: the version from which the next one grows.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.artifact import check_sha256, sha256_of
from edgeseg.atomic import write_text
from edgeseg.errors import BundleError, EdgeSegWarning
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.json_fields import list_of, optional, parse_json, required
from edgeseg.keys import PublicKey, need_cryptography, public_key
from edgeseg.spec import PLAIN_NAME

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "signature.json"
FORMAT = 1
TYPE = "application/vnd.edgeseg.bundle+json"
LARGEST = 65536
"""Bytes of signature.json."""

HIGHEST = 2**31 - 1
"""Version."""

AGAIN = "sign it again with edgeseg sign"


@dataclass(frozen=True)
class Statement:
    """What is signed.

    Attributes:
        name: of the bundle's spec.
        version: 1 to HIGHEST.
        index_sha256: of bundle.json's canonical form.
        card_sha256: of the card's file; None where there is no card.
    """

    name: str
    version: int
    index_sha256: str
    card_sha256: str | None

    def __post_init__(self) -> None:
        if not PLAIN_NAME.fullmatch(self.name):
            raise BundleError(f"{FILE}: name is {self.name!r:.80}, expected letters, digits, '.', '_' and '-'")
        if not 1 <= self.version <= HIGHEST:
            raise BundleError(f"{FILE}: version is {self.version}, expected 1 to {HIGHEST}")
        for digest in (self.index_sha256, self.card_sha256):
            if digest is not None:
                check_sha256(digest, FILE)

    def message(self) -> bytes:
        """The very bytes that a key signs."""
        body = canonical(asdict(self))
        return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(body), body)


@dataclass(frozen=True)
class Signature:
    """What signature.json holds.

    Attributes:
        statement: that is signed.
        signatures: by the fingerprint of the key, each of 64 bytes; none where the bundle has changed since.
    """

    statement: Statement
    signatures: Mapping[str, bytes]

    def signed_by(self, key: Ed25519PrivateKey) -> Signature:
        """With this key's signature too."""
        own = public_key("", key.public_key()).fingerprint
        return Signature(self.statement, {**self.signatures, own: key.sign(self.statement.message())})

    def signers(self, keys: Sequence[PublicKey]) -> list[PublicKey]:
        """Those of the keys that signed.

        Raises:
            BundleError: what stands there for one of them is not its signature.
        """
        found = [key for key in keys if key.fingerprint in self.signatures]
        for key in found:
            if not key.verifies(self.signatures[key.fingerprint], self.statement.message()):
                raise BundleError(f"{FILE} holds an invalid signature by {key}: it was altered; fetch it again")
        return found


def canonical(data: Any) -> bytes:
    """JSON in the one form that RFC 8785 (JSON Canonicalization Scheme) gives it.

    Raises:
        BundleError: a number is beyond what every reader of JSON holds exactly.
        UsageError: rfc8785 is not installed.
    """
    need_cryptography()
    import rfc8785

    try:
        return rfc8785.dumps(data)
    except rfc8785.CanonicalizationError as error:
        raise BundleError(f"bundle.json cannot be signed: {error}; take figures below 2^53") from error


def read_signature(folder: Path) -> Signature | None:
    """What signature.json in a bundle's folder holds; None where there is none.

    Raises:
        BundleError: it cannot be read, or is of a newer format or damaged.
    """
    path = folder / FILE
    try:
        data = parse_json(read_file(path, LARGEST))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    except ValueError as error:
        raise BundleError(f"{path} is not readable JSON ({error}); fetch it again, or delete it and sign") from error
    number = required(data, "format", int, where=FILE, error=BundleError)
    if number != FORMAT:
        raise BundleError(f"{path} has format {number}, expected {FORMAT}; update edgeseg")
    signed = required(data, "signed", dict, where=FILE, error=BundleError)
    statement = Statement(
        required(signed, "name", str, where=FILE, error=BundleError),
        required(signed, "version", int, where=FILE, error=BundleError),
        required(signed, "index_sha256", str, where=FILE, error=BundleError),
        optional(signed, "card_sha256", str, where=FILE, error=BundleError),
    )
    signatures: dict[str, bytes] = {}
    for each in list_of(data, "signatures", dict, where=FILE, error=BundleError):
        fingerprint = required(each, "key", str, where=FILE, error=BundleError)
        digits = required(each, "signature", str, where=FILE, error=BundleError)
        check_sha256(fingerprint, f"{FILE}: key")
        if not re.fullmatch("[0-9a-f]{128}", digits) or fingerprint in signatures:
            raise BundleError(f"{path} is damaged, expected one signature of 128 hexadecimal digits a key")
        signatures[fingerprint] = bytes.fromhex(digits)
    strange = sorted({*data, *signed} - {"format", "signed", "signatures", *asdict(statement)})
    if strange:
        raise BundleError(f"{path} has fields that format {FORMAT} does not know: {', '.join(strange)}; update edgeseg")
    return Signature(statement, signatures)


def write_signature(folder: Path, signature: Signature) -> None:
    """Writes signature.json, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    data = {
        "format": FORMAT,
        "signed": asdict(signature.statement),
        "signatures": [{"key": key, "signature": each.hex()} for key, each in signature.signatures.items()],
    }
    write_text(folder / FILE, json.dumps(data, indent=2) + "\n")


def end_signature(folder: Path, signature: Signature | None) -> None:
    """Leaves the version alone of what a bundle was signed with, where the bundle changes.

    Args:
        folder: of the bundle as it is going to be.
        signature: of the bundle as it was; of None nothing is left.

    Raises:
        OutputError: signature.json cannot be written.
    """
    if signature is not None:
        write_signature(folder, Signature(signature.statement, {}))


def warn_of_end(folder: Path, signature: Signature | None) -> None:
    """Warns that what was signed has changed.

    Warns:
        EdgeSegWarning: it was signed, and is no more.
    """
    if signature is not None and signature.signatures:
        warnings.warn(
            f"{folder} was signed, as version {signature.statement.version}, and has changed, which ends the "
            f"signature: {AGAIN}",
            EdgeSegWarning,
            stacklevel=3,
        )


def statement_of(name: str, version: int, index: Mapping[str, Any], card: Path | None) -> Statement:
    """The statement on a bundle.

    Args:
        name: of its spec.
        version: of the release.
        index: what bundle.json holds.
        card: the card's file, None where there is none.

    Raises:
        BundleError: a number of bundle.json is too large, or the card cannot be read.
    """
    try:
        card_sha256 = None if card is None else sha256_of(read_file(card, LARGEST_TEXT))
    except OSError as error:
        raise BundleError(f"cannot read {card}: {error.strerror or error}; check its permissions") from error
    return Statement(name, version, sha256_of(canonical(index)), card_sha256)
