"""Outputs appear whole or not at all: write to a temporary name beside the target, then rename.

What was written is on the disk before it gets its name (fsync), and the name before the block ends. A process that is
killed leaves a temporary file or folder, which the next write to the same target removes.

A folder takes another's place in one step (`edgeseg.rename.exchange`). Where the file system cannot do that, the old
one steps aside as `.NAME.TOKEN.old` for two renames; if the process dies between them, `restore_folder` undoes one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeseg.errors import EdgeSegError, OutputError, UsageError
from edgeseg.files import real
from edgeseg.rename import exchange
from edgeseg.temporary import Temporary, lock, orphans

KIND = "tmp"
OLD = "old"


@contextlib.contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yields a temporary path with the same suffix, of an empty file; renames it to `path` when the block succeeds.

    Args:
        path: the name that it gets.
        mode: its permissions, before the umask: 0o600 for a secret.

    Raises:
        OutputError: `path` is a folder or device, its folder is missing or cannot be written, or the disk is full.
    """
    for leftover, _, _ in orphans(path.parent, KIND, path):
        with contextlib.suppress(OSError):
            leftover.unlink()
    with new_file(path, mode) as temporary:
        yield temporary


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all.

    Raises:
        OutputError: as `atomic_file`.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def new_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """What `atomic_file` does, without a look through the folder for leftovers.

    Raises:
        OutputError: as there.
    """
    check_name(path)
    temporary = None
    try:
        temporary = Temporary(path, KIND, mode=mode)
        yield temporary.path
        with temporary.path.open("rb") as file:  # the file of that name now, whoever made it
            os.fsync(file.fileno())
        temporary.path.replace(path)
        sync_folder(path.parent)
    except EdgeSegError:  # some are OSErrors too, and say more than could be said here
        raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that exists "
            "and can be written, with room on its disk"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.path.unlink(missing_ok=True)
            temporary.release()


def check_name(path: Path) -> None:
    """Raises OutputError if a file of this name would take the place of something that is no file."""
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; give the name of a file in it")
        # /dev/stdout may lead to a file, and root would replace the link itself, for all programs.
        if (path.exists() and not path.is_file()) or os.path.realpath(path.parent) == "/dev":
            raise OutputError(f"cannot write {path}: it is a device or pipe; give the name of a file")
    except OutputError:
        raise
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise OutputError(f"cannot write {path}: {error.strerror}; choose another name or folder") from error


def check_outputs(*paths: Path | None) -> None:
    """Refuses places where nothing can be written, or two that are one, before anything is measured.

    Raises:
        OutputError: as `check_writable`.
        UsageError: one would replace the other.
    """
    named = [path for path in paths if path is not None]
    for number, path in enumerate(named):
        check_writable(path)
        if real(path) in map(real, named[:number]):
            raise UsageError(f"{path} is named for two outputs, of which the second would replace the first")


def check_writable(path: Path) -> None:
    """Refuses a place where nothing can be written, before anything is measured.

    Raises:
        OutputError: the folder is missing or may not be written, or `path` is a folder, device or pipe.
    """
    check_name(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent):  # what os.access says is not true for root, /proc, full disks
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: its folder is missing or may not be written ({error.strerror}); choose another"
        ) from error


@contextlib.contextmanager
def atomic_folder(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yields a temporary folder; it takes the place of `path`, with all that lies there, when the block succeeds.

    Args:
        path: the name that it gets; where it is a link, the folder that it leads to is replaced, and the link stays.
        replace: where False, a folder with something in it that has the name by then keeps it, and this one is gone.

    Raises:
        OutputError: the parent cannot be written, or `path` is a file, a link to itself or where a disk is mounted.
    """
    temporary = None
    try:
        if path.is_symlink():  # else the old folder would stay behind, and the new one perhaps lie on another disk
            path = real(path)
        if os.path.lexists(path) and not path.is_dir():
            what = "a link to itself" if path.is_symlink() else "a file of that name"
            raise OutputError(f"cannot write the folder {path}: {what} is there; choose another name")
        if os.path.ismount(path):  # nothing can take its place
            raise OutputError(f"cannot write the folder {path}: a disk is mounted there; choose a folder in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_folders(path)
        temporary = Temporary(path, KIND, folder=True)
        yield temporary.path
        temporary.path.chmod(0o755)
        _sync_tree(temporary.path)
        if replace:
            _put_folder(temporary.path, path)
        else:
            _put_first(temporary.path, path)
        sync_folder(path.parent)
    except EdgeSegError:
        raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that can be written, "
            "with room on its disk"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary.path, ignore_errors=True)
            temporary.release()


def restore_folder(path: Path) -> None:
    """Gives a folder its name back, which a process that died while it replaced it had taken."""
    if not path.exists():
        if path.is_symlink():
            path = real(path)
        for old, _, _ in orphans(path.parent, OLD, path):
            old.rename(path)
            return


def sync_folder(folder: Path) -> None:
    """Puts a folder's names on the disk, where that can be done: not of one that this user may write, but not read.

    Raises:
        OSError: the disk is broken.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # of file systems that cannot, as some on networks
            raise
    finally:
        os.close(handle)


def _sweep_folders(path: Path) -> None:
    restore_folder(path)
    for kind in (KIND, OLD):
        for leftover, _, _ in orphans(path.parent, kind, path):
            shutil.rmtree(leftover, ignore_errors=True)


def _put_folder(new: Path, path: Path) -> None:
    """Gives `new` the name `path`; what had it lies at `new` afterwards, if anything did."""
    if not path.exists():
        new.rename(path)
    elif not exchange(new, path):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lock(handle)  # a reader leaves it alone while this process lives
            old = new.with_name(new.name.replace(f".{KIND}", f".{OLD}"))
            path.rename(old)
            try:
                new.rename(path)
            except OSError:
                old.rename(path)
                raise
            old.rename(new)
        finally:
            os.close(handle)


def _put_first(new: Path, path: Path) -> None:
    """Gives `new` the name `path`, unless a folder that is not empty has it."""
    try:
        new.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            with Path(root, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(root))
