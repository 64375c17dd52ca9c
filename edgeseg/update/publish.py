"""Puts a bundle into a TUF repository, signed, for devices to fetch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root, TargetFile

from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.errors import OutputError, UpdateError
from edgeseg.files import LARGEST_MODEL, read_file
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.temporary import lock
from edgeseg.update.repository import ROLES, Folder

ROOT_LIFETIME = timedelta(days=365)
"""Of root.json, which only the root key renews."""


def publish(
    bundle: Bundle, folder: Path, key: Ed25519PrivateKey, *, root_keys: Sequence[Ed25519PrivateKey] = (), days: int = 30
) -> datetime:
    """Makes a bundle the newest of its name in a repository; publishing it again renews the metadata's lifetime.

    Files come first and timestamp.json last, so that a kill leaves the repository as it was, or as it is to be.

    Args:
        bundle: opened; its files are hashed.
        folder: of the repository, which is made where there is none.
        key: signs targets, snapshot and timestamp. Another than root.json names takes its place; that needs a root key.
        root_keys: needed to begin a repository, to replace a key, and to renew root.json. Of two, the first is the
            root's and the second is to take its place.
        days: that devices take the metadata for new; publish again before.

    Returns:
        Until when devices trust the repository.

    Raises:
        BundleError: a file is missing or was altered.
        UpdateError: the repository is damaged, a key is not the one that it names, or another process publishes there.
        OutputError: the repository cannot be written.
    """
    bundle.verify()
    try:
        for part in ("metadata", "targets"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "metadata", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another folder") from error
    try:
        if lock(handle) is False:  # two at once would write the same version, one without the other's files
            raise UpdateError(f"another edgeseg publish into {folder} is under way; wait for its end")
        return _publish(bundle, folder, key, root_keys, timedelta(days=days))
    finally:
        os.close(handle)


def _publish(
    bundle: Bundle, folder: Path, key: Ed25519PrivateKey, root_keys: Sequence[Ed25519PrivateKey], lifetime: timedelta
) -> datetime:
    signer, roots = CryptoSigner(key), [CryptoSigner(each) for each in root_keys]
    lifetimes = dict.fromkeys(ROLES, lifetime) | {Root.type: ROOT_LIFETIME}
    signers = {role: [signer] for role in ROLES} | {Root.type: roots}
    repository = Folder(folder, signers, lifetimes)
    new = repository.open(Root.type).signed.version == 0
    if not new:
        repository.check()
    _write_root(repository, signer, roots, new=new)
    targets = {f"{bundle.spec.name}/{name}": _put(bundle, name, folder / "targets") for name in names(bundle)}
    with repository.edit_targets() as signed:
        others = {path: each for path, each in signed.targets.items() if path.partition("/")[0] != bundle.spec.name}
        signed.targets = {**others, **targets}
    repository.do_snapshot(force=True)
    repository.do_timestamp(force=True)
    until: datetime = min(repository.open(role).signed.expires for role in ROLES)
    return until


def names(bundle: Bundle) -> list[str]:
    """The files of a bundle, bundle.json first; signature.json where it was signed."""
    signature = [SIGNATURE] if (bundle.folder / SIGNATURE).exists() else []
    return [INDEX, *signature, *bundle.files]


def _write_root(repository: Folder, signer: CryptoSigner, roots: Sequence[CryptoSigner], *, new: bool) -> None:
    """Begins root.json, or writes its next version where a key is replaced; with a root key its lifetime is renewed."""
    root = repository.root()
    role_keys = {role: root.roles[role].keyids for role in ROLES}
    own = signer.public_key.keyid
    replaced = any(role_keys[role] != [own] for role in ROLES if role != Root.type)
    if not new and not roots:
        if replaced:
            raise UpdateError(
                f"{repository.folder} is signed by another key; give that one, or the root key too (--root-key) to "
                "replace it"
            )
        return
    if not roots:
        raise UpdateError(f"{repository.folder} holds no repository yet; give --root-key to begin one")
    if not new and roots[0].public_key.keyid not in role_keys[Root.type]:
        raise UpdateError(f"the root key is not that of {repository.folder}; give the one that began it")
    with repository.edit_root() as edited:
        for role in ROLES:
            newest = roots[-1] if role == Root.type else signer
            for keyid in list(edited.roles[role].keyids):
                if keyid != newest.public_key.keyid:
                    edited.revoke_key(keyid, role)
            edited.add_key(newest.public_key, role)


def _put(bundle: Bundle, name: str, targets: Path) -> TargetFile:
    """Copies a file into the repository, under the name that consistent snapshots give it."""
    path = bundle.folder / name
    try:
        content = read_file(path, LARGEST_MODEL)
    except OSError as error:
        raise UpdateError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    target = TargetFile.from_data(f"{bundle.spec.name}/{name}", content, ["sha256"])
    place = targets / bundle.spec.name / f"{target.hashes['sha256']}.{name}"
    try:
        place.parent.mkdir(exist_ok=True)
        same = place.is_file() and place.stat().st_size == target.length and place.read_bytes() == content
    except OSError as error:
        raise OutputError(f"cannot write {place.parent}: {error.strerror or error}; check its permissions") from error
    if not same:
        with atomic_file(place) as temporary:
            temporary.write_bytes(content)
    return target
