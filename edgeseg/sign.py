"""Signs a bundle: all files are hashed, and what bundle.json says of them gets a version and a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeseg.artifact import SHIPPED
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import read_index
from edgeseg.errors import BundleError, UsageError
from edgeseg.signature import Signature, read_signature, statement_of, write_signature
from edgeseg.trust import is_current

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def sign(bundle: Bundle, key: Ed25519PrivateKey, *, version: int | None = None) -> Signature:
    """Writes signature.json into a bundle.

    Args:
        bundle: opened.
        key: that signs. Where others signed the bundle just as it is, as the same version, their signatures stay.
        version: of the release; by default the same where the bundle has not changed, else the next.

    Raises:
        BundleError: a file is missing or was altered.
        UsageError: the version is below 1 or not above the one before, or the bundle is one that comes with edgeseg.
        OutputError: signature.json cannot be written.
    """
    if bundle.folder.resolve().is_relative_to(SHIPPED.resolve()):
        raise UsageError(
            f"{bundle.folder} came with edgeseg, and an update would replace what is written there; copy the bundle "
            "and sign the copy"
        )
    before = read_signature(bundle.folder)
    bundle.verify()
    if before is not None and is_current(bundle, before) and version in (None, before.statement.version):
        signature = before.signed_by(key)
    else:
        highest = 0 if before is None else before.statement.version
        version = highest + 1 if version is None else version
        if version < 1:
            raise UsageError(f"got version {version}, expected 1 or more")
        if version <= highest:
            raise UsageError(
                f"version {highest} of {bundle.folder} was signed before, and devices may refuse version {version}; "
                f"give at least {highest + 1}"
            )
        folder, index = read_index(bundle.folder)
        if Bundle.from_index(folder, index) != bundle:
            raise BundleError(f"{folder} has changed while it was signed; begin again")
        card = None if bundle.card is None else folder / bundle.card
        signature = Signature(statement_of(bundle.spec.name, version, index, card), {}).signed_by(key)
    write_signature(bundle.folder, signature)
    return signature
