"""A TUF repository in a folder: metadata/ and targets/, as any web server can give them away.

    metadata/1.root.json       the keys of each role; signed by the root key
    metadata/2.targets.json    size and hash of every file that can be fetched
    metadata/2.snapshot.json   which targets.json belongs to it
    metadata/timestamp.json    which snapshot is the newest: the last file that is written, in one rename
    targets/road/HASH.bundle.json

Files are never changed once they are there (consistent snapshots), so that who is fetching is not disturbed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer
from tuf.repository import Repository

from edgeseg.atomic import atomic_file
from edgeseg.errors import UpdateError
from edgeseg.files import read_file

ROLES = (Root.type, Targets.type, Snapshot.type, Timestamp.type)
KINDS: dict[str, Callable[[], Any]] = {
    Root.type: lambda: Root(consistent_snapshot=True),
    Targets.type: Targets,
    Snapshot.type: Snapshot,
    Timestamp.type: Timestamp,
}

LARGEST = 5_000_000
"""Bytes of a metadata file, as tuf.ngclient takes them."""


class Folder(Repository):
    """What python-tuf edits: each role's newest metadata, written as a new version.

    Attributes:
        folder: of the repository.
        signers: of each role; a role's metadata gets a signature of each.
        lifetimes: of each role's metadata.
    """

    def __init__(
        self, folder: Path, signers: Mapping[str, Sequence[CryptoSigner]], lifetimes: Mapping[str, timedelta]
    ) -> None:
        self.folder = folder
        self.signers = signers
        self.lifetimes = lifetimes

    def open(self, role: str) -> Metadata[Any]:
        """The newest metadata of a role; of one that has none, version 0.

        Raises:
            UpdateError: it cannot be read, or is none.
        """
        path = self._newest(role)
        if path is None:
            metadata: Metadata[Any] = Metadata(KINDS[role]())
            metadata.signed.version = 0  # `close` counts
            return metadata
        try:
            metadata = Metadata.from_bytes(read_file(path, LARGEST))
        except OSError as error:
            raise UpdateError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
        except RepositoryError as error:
            raise UpdateError(f"{path} is no metadata of TUF ({error}); restore the repository") from error
        if metadata.signed.type != role:
            raise UpdateError(f"{path} is metadata of the role {metadata.signed.type}; restore the repository")
        return metadata

    def close(self, role: str, md: Metadata[Any]) -> None:
        """Writes the next version of a role's metadata.

        Raises:
            OutputError: it cannot be written.
        """
        md.signed.version += 1
        md.signed.expires = datetime.now(timezone.utc).replace(microsecond=0) + self.lifetimes[role]
        md.signatures.clear()
        for signer in self.signers[role]:
            md.sign(signer, append=True)
        name = f"{role}.json" if role == Timestamp.type else f"{md.signed.version}.{role}.json"
        with atomic_file(self.folder / "metadata" / name) as temporary:
            temporary.write_bytes(md.to_bytes(JSONSerializer(compact=False)))

    @property
    def targets_infos(self) -> dict[str, MetaFile]:
        """Which targets.json the next snapshot names."""
        return {f"{Targets.type}.json": self._describe(Targets.type)}

    @property
    def snapshot_info(self) -> MetaFile:
        """Which snapshot the next timestamp names."""
        return self._describe(Snapshot.type)

    def check(self) -> None:
        """Refuses a repository that its own keys did not sign: what lies there would be signed anew.

        Raises:
            UpdateError: a role's metadata is missing, damaged, or not signed by the keys that root.json names.
        """
        root = self.open(Root.type)
        for role in ROLES:
            metadata = self.open(role)
            try:
                cast(Root, root.signed).verify_delegate(role, metadata.signed_bytes, metadata.signatures)
            except (RepositoryError, ValueError) as error:
                reason = f"the {role} metadata in {self.folder} is not signed as root.json says ({error})"
                raise UpdateError(f"{reason}; restore the repository") from error

    def _describe(self, role: str) -> MetaFile:
        """Version, size and hash of a role's newest metadata."""
        path = self._newest(role)
        assert path is not None
        data = read_file(path, LARGEST)
        return MetaFile.from_data(self.open(role).signed.version, data, ["sha256"])

    def _newest(self, role: str) -> Path | None:
        names = [path.name for path in (self.folder / "metadata").glob(f"*{role}.json")]
        versions = [int(match[1]) for name in names if (match := re.fullmatch(rf"([0-9]+)\.{role}\.json", name))]
        if role == Timestamp.type:
            return self.folder / "metadata/timestamp.json" if "timestamp.json" in names else None
        return self.folder / "metadata" / f"{max(versions)}.{role}.json" if versions else None
