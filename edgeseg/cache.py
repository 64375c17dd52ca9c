"""What is built once for a machine lies in one folder, from which anything may be deleted at any time.

The folder is $EDGESEG_CACHE; else "edgeseg" in $XDG_CACHE_HOME; else ~/.cache/edgeseg. A variable that is empty counts
as not set, and so does an XDG_CACHE_HOME or HOME that is no absolute path. Without HOME it is the account's home; where
that is missing too, "edgeseg-UID" in the temporary folder.

Compiled models are programs. So the folder belongs to its user and nobody else writes there, and every file begins with
a line that holds its HMAC-SHA256, over name and content. The key lies beside them, for its owner's eyes alone: a file
from elsewhere, an altered or a damaged one does not verify, is deleted and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from edgeseg.atomic import atomic_file
from edgeseg.errors import OutputError
from edgeseg.files import read_file
from edgeseg.places import home
from edgeseg.temporary import lock
from edgeseg.terminal import escaped

KEY = ".key"
"""The file of the key."""

LOCK = ".lock"

PATIENCE = 60.0
"""Seconds that one process waits for another's work, before it does the work itself."""

LARGEST = 2**36
"""Bytes of a file there."""

_KEY_BYTES = 32
_DIGEST_LINE = 2 * hashlib.sha256().digest_size + 1


def cache_folder() -> Path:
    """Where it lies, by the environment; it need not exist."""
    own = os.environ.get("EDGESEG_CACHE")
    if own:
        return Path(own).absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):  # noqa: PTH117  Path("") is the working directory
        return Path(shared) / "edgeseg"
    own_home = home()
    return own_home / ".cache/edgeseg" if own_home else Path(tempfile.gettempdir()) / f"edgeseg-{os.getuid()}"


def keep(path: Path, content: bytes) -> None:
    """Keeps a file for the next start; where that cannot be, it is said, and the next start takes longer.

    Args:
        path: in the cache folder.
        content: for `recall` to return.
    """
    try:
        digest = seal(path, content)
        with atomic_file(path) as temporary:
            temporary.write_bytes(digest.encode() + b"\n" + content)
    except OutputError as error:
        tell(f"{path.name} is not kept, and will be made again next time: {error}")


def recall(path: Path) -> bytes | None:
    """What `keep` wrote; None where there is nothing that verifies. What does not is deleted."""
    try:
        whole = read_file(path, LARGEST)
    except OSError:
        return None
    digest, content = whole[: _DIGEST_LINE - 1], whole[_DIGEST_LINE:]
    if whole[_DIGEST_LINE - 1 : _DIGEST_LINE] == b"\n" and is_sealed(path, content, digest.decode("latin-1")):
        return content
    forget(path)
    return None


def forget(path: Path) -> None:
    """Deletes a file that is of no use."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def seal(path: Path, content: bytes) -> str:
    """The keyed digest, 64 hexadecimal digits, of a file to be; the key is made where there is none.

    Raises:
        OutputError: the folder or the key cannot be written, or belongs to somebody else.
    """
    make_folder(path.parent)
    return _digest(_key(path.parent, make=True), path, content)


def is_sealed(path: Path, content: bytes, digest: str) -> bool:
    """Whether `seal` gave this digest for this content under this name, in a folder that is the user's own."""
    try:
        _check_owner(path.parent)
        key = _key(path.parent, make=False)
    except OutputError as error:
        tell(f"{path.name} is not used: {error}")
        return False
    return hmac.compare_digest(_digest(key, path, content).encode(), digest.encode("utf-8", "replace"))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Only one process of this user is in such a block; others wait, though not for ever.

    Where the file system knows no locks, nobody waits.
    """
    folder = cache_folder()
    try:
        make_folder(folder)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:  # an OutputError too: nothing will be kept, so that there is nothing to wait for
        yield
        return
    try:
        until = time.monotonic() + PATIENCE
        while lock(handle) is False and time.monotonic() < until:
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Makes a folder that may exist; it is, or becomes, one that only this user can write.

    Raises:
        OutputError: it cannot be made, or belongs to somebody else.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another folder") from error
    _check_owner(folder)


def tell(sentence: str) -> None:
    """Says what a start is waiting for."""
    print(f"edgeseg: {escaped(sentence)}", file=sys.stderr, flush=True)


def _check_owner(folder: Path) -> None:
    """Refuses another user's folder; takes the right to write in ours from others.

    Raises:
        OutputError: it is not there, or belongs to somebody else.
    """
    try:
        facts = folder.stat()
        if facts.st_uid != os.geteuid():
            raise OutputError(
                f"{folder} belongs to user {facts.st_uid}, and this is user {os.geteuid()}: what lies there could be "
                "anything; set EDGESEG_CACHE to a folder of your own"
            )
        if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            folder.chmod(stat.S_IMODE(facts.st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot use {folder}: {error.strerror or error}; choose another folder") from error


def _key(folder: Path, *, make: bool) -> bytes:
    """The folder's key.

    Raises:
        OutputError: it cannot be made, or is not this user's alone.
    """
    path = folder / KEY
    try:
        if make and not path.exists():
            _make_key(path)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(handle)
            key = file.read(_KEY_BYTES + 1) if stat.S_ISREG(facts.st_mode) else b""
    except OSError as error:
        raise OutputError(f"cannot use {path}: {error.strerror or error}; delete {folder} and try again") from error
    if len(key) != _KEY_BYTES or facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise OutputError(f"{path} is not a key that only you can read; delete {folder} and try again")
    return key


def _make_key(path: Path) -> None:
    """Writes a new key; of several processes that do, the first wins."""
    temporary = path.with_name(f"{KEY}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()


def _digest(key: bytes, path: Path, content: bytes) -> str:
    return hmac.new(key, path.name.encode() + b"\0" + content, hashlib.sha256).hexdigest()
