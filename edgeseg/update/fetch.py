"""Brings the newest bundle from a TUF repository, or leaves what is there as it is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from tuf.api.exceptions import DownloadError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.ngclient import Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from edgeseg.atomic import atomic_folder
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX, read_index
from edgeseg.bundle_writer import check_replaceable
from edgeseg.counted import first_of
from edgeseg.errors import EdgeSegError, OutputError, UpdateError, UsageError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.places import open_state
from edgeseg.redact import redact
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import LARGEST as LARGEST_SIGNATURE
from edgeseg.spec import PLAIN_NAME
from edgeseg.temporary import lock
from edgeseg.trust import check_trust

LARGEST_ROOT = 512_000
"""Bytes of root.json, as tuf.ngclient takes it."""


def fetch(
    url: str,
    out: Path,
    *,
    root: Path,
    name: str | None = None,
    require_signature: bool = False,
    trust: Path | None = None,
    timeout: float = 30.0,
) -> bool:
    """Makes a folder the newest bundle of a repository; the folder is replaced in one rename, or stays as it is.

    What the repository said before is remembered in the state folder, so that it cannot go back.

    Args:
        url: of the repository, http or https: the folder of metadata/ and targets/.
        out: the folder; a bundle that lies there is replaced.
        root: a root.json of the repository that came here safely; those that follow it are found by themselves.
        name: of the bundle; by default that of the folder.
        require_signature: as for `edgeseg.load`: the bundle's own signature is asked for beside the repository's.
        trust: as for `edgeseg.load`.
        timeout: seconds without an answer, or without a byte more, after which an attempt is given up; there are four.

    Returns:
        Whether there was anything new.

    Raises:
        UpdateError: the repository cannot be reached, has no such bundle, or cannot be trusted.
        BundleError: the bundle is damaged, or not signed as asked for.
        OutputError: the folder holds more than a bundle; or it, or what the repository said, cannot be written.
    """
    name = out.absolute().name if name is None else name
    _check(url, name)
    check_replaceable(out)
    bootstrap = _read_root(root)
    shown = redact(url)
    with _state(bootstrap) as state, contextlib.closing(Fetcher(timeout)) as fetcher, _refusals(shown):
        updater = Updater(
            str(state),
            f"{url.rstrip('/')}/metadata",
            target_base_url=f"{url.rstrip('/')}/targets",
            fetcher=fetcher,
            bootstrap=bootstrap,
        )
        updater.refresh()
        index = updater.get_targetinfo(f"{name}/{INDEX}")
        if index is None:
            raise UpdateError(f"{shown} has no bundle {name}, it has {_published(state)}; give one of these by --name")
        if _is_current(updater, name, index, out):
            return False
        with atomic_folder(out) as temporary:
            _download(updater, name, index, temporary, out)
            bundle = Bundle.open(temporary)
            bundle.verify()
            check_trust(bundle, require_signature=require_signature, trust=trust, remember=False)
    return True


class Fetcher(Urllib3Fetcher):
    """Can close the connection of a download that was broken off, which python-tuf leaves to the garbage collector."""

    def __init__(self, timeout: float) -> None:
        super().__init__(app_user_agent=f"edgeseg/{version('edgeseg')}")
        self.socket_timeout = timeout  # type: ignore[assignment]  # urllib3 takes fractions too
        self._newest: urllib3.response.BaseHTTPResponse | None = None

    def _chunks(self, response: urllib3.response.BaseHTTPResponse) -> Iterator[bytes]:
        self._newest = response
        return super()._chunks(response)

    def close(self) -> None:
        """Closes the connection of the newest download, if it is open still."""
        if self._newest is not None:
            self._newest.close()


def _published(state: Path) -> str:
    """The names of the bundles in the targets.json that was verified and stored."""
    targets = Metadata[Targets].from_file(str(state / "targets.json")).signed.targets
    return first_of(sorted({path.partition("/")[0] for path in targets}), 10)


def _is_current(updater: Updater, name: str, index: TargetFile, folder: Path) -> bool:
    """Whether a folder holds what the repository has, and no more."""
    if not _has(updater, index, folder / INDEX):
        return False
    files = [INDEX, SIGNATURE, *Bundle.open(folder).files]
    infos = {file: updater.get_targetinfo(f"{name}/{file}") for file in files}
    return all(
        _has(updater, info, folder / file) if info else not (folder / file).exists() for file, info in infos.items()
    )


def _download(updater: Updater, name: str, index: TargetFile, folder: Path, old: Path) -> None:
    """Puts the files of a bundle into a folder; what the old folder has already is copied."""
    _bring(updater, index, LARGEST_TEXT, folder / INDEX, old / INDEX)
    bundle = Bundle.from_index(*read_index(folder))
    limits = {artifact.file: artifact.bytes for artifact in bundle.artifacts}
    for file in (*bundle.files, SIGNATURE):
        info = updater.get_targetinfo(f"{name}/{file}")
        if info is not None:
            limit = LARGEST_SIGNATURE if file == SIGNATURE else limits.get(file, LARGEST_TEXT)
            _bring(updater, info, limit, folder / file, old / file)
        elif file != SIGNATURE:
            raise UpdateError(f"the repository lacks {file} of bundle {name}; publish the bundle again")


def _bring(updater: Updater, info: TargetFile, limit: int, place: Path, old: Path) -> None:
    """One file, its size and hash verified."""
    if info.length > limit:
        raise UpdateError(f"{info.path} has {info.length} bytes, expected at most {limit}; publish the bundle again")
    if _has(updater, info, old):
        shutil.copyfile(old, place)
        with place.open("rb") as copy:
            info.verify_length_and_hashes(copy)
    else:
        updater.download_target(info, str(place))


def _has(updater: Updater, info: TargetFile, place: Path) -> bool:
    """Whether a file is there already."""
    same_size = place.is_file() and place.stat().st_size == info.length
    return same_size and updater.find_cached_target(info, str(place)) is not None


def _read_root(path: Path) -> bytes:
    """A root.json; another file would be called the repository's fault."""
    try:
        content = read_file(path, LARGEST_ROOT)
        kind = Metadata.from_bytes(content).signed.type
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}; give the repository's root.json") from error
    except RepositoryError:
        kind = None
    if kind != Root.type:
        what = "no metadata of TUF" if kind is None else f"metadata of the role {kind}"
        raise UsageError(f"{path} is {what}, expected the repository's root.json; give its first, 1.root.json")
    return content


def _check(url: str, name: str) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"{redact(url)} is no address of a repository, expected http://... or https://...")
    if not PLAIN_NAME.fullmatch(name):
        raise UsageError(f"{name!r:.80} is no name of a bundle; give it by --name")


@contextlib.contextmanager
def _state(bootstrap: bytes) -> Iterator[Path]:
    """The folder for what a repository said before, which is this process's alone meanwhile."""
    folder, handle = open_state("update", hashlib.sha256(bootstrap).hexdigest()[:32])
    try:
        if lock(handle) is False:
            raise UpdateError("another edgeseg fetch from this repository is under way; wait for its end")
        yield folder
    except EdgeSegError:
        raise
    except OSError as error:  # python-tuf's, which writes there
        raise OutputError(
            f"cannot write {folder}: {error.strerror or error}; make room there, or set EDGESEG_STATE to another"
        ) from error
    finally:
        os.close(handle)


@contextlib.contextmanager
def _refusals(url: str) -> Iterator[None]:
    """Says in a sentence why a repository is not trusted, or cannot be reached."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise UpdateError(
            f"{url} is out of date ({error}): it was not published in time, somebody withholds what is newer, or this "
            "machine's clock is wrong; publish the bundle again"
        ) from error
    except RepositoryError as error:
        raise UpdateError(
            f"{url} cannot be trusted ({error}); what was here before stays. Ask whoever publishes there"
        ) from error
    except (DownloadError, urllib3.exceptions.HTTPError) as error:
        cause = error.__cause__ or error
        cause = (isinstance(cause, urllib3.exceptions.MaxRetryError) and cause.reason) or cause
        reason = str(cause) or type(cause).__name__
        raise UpdateError(
            f"cannot fetch from {url}: {redact(reason)}; what was here before stays. Check the address, and try again"
        ) from error
