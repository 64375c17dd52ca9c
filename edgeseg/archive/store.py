"""Files and folders of a run, on disks or in buckets; nothing else in an archive asks which it is.

What goes into a bucket is made in a temporary folder and sent complete, object by object, each of which is there whole
or not at all. Of a folder one file is sent after all others, and with it the folder is there. What is read is copied
there too, or read in by ranges. Temporary folders lie under TMPDIR; the next worker here removes those of the dead.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from edgeseg.archive import bucket
from edgeseg.archive.address import Location, Object, is_clean
from edgeseg.atomic import atomic_file, atomic_folder
from edgeseg.errors import EdgeSegError, OutputError, SourceError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.json_fields import parse_json
from edgeseg.temporary import Temporary, orphans

AHEAD = 2**21
"""Bytes of an object that are asked for at once."""

AT_ONCE = 16
"""Requests to a server that are under way."""

KIND = "copy"
"""Of temporary folders."""


class Status(NamedTuple):
    """Size in bytes, and when it changed last, in nanoseconds since 1970."""

    bytes: int
    changed: int


def check(where: Location) -> None:
    """Asks whether there is such a bucket, and whether it may be looked into; of a path it asks nothing.

    Raises:
        SourceError: it is not, it may not, or no server answers.
    """
    if isinstance(where, Object) and bucket.information(Object(where.bucket, "", where.endpoint, where.region)) is None:
        raise SourceError(bucket.missing_bucket(where))


def status(where: Location) -> Status:
    """Of a file.

    Raises:
        OSError: it is not there.
    """
    if isinstance(where, Path):
        facts = where.stat()
        return Status(facts.st_size, facts.st_mtime_ns)
    found = bucket.information(where)
    if found is None or not found.is_file:
        raise SourceError(f"{where} does not exist; check the URL")
    return Status(found.size, found.mtime_ns or 0)


def sizes(files: Sequence[Location]) -> list[int | None]:
    """Bytes of each file; None where none is there. Servers are asked for several at once.

    Raises:
        OSError: one cannot be looked at.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(_size, files))


def _size(where: Location) -> int | None:
    if isinstance(where, Object):
        return bucket.size(where)
    return where.stat().st_size if where.is_file() else None


def is_folder(where: Location) -> bool:
    """Whether it is a folder, or in a bucket what objects lie below."""
    if isinstance(where, Path):
        return where.is_dir()
    found = bucket.information(where)
    return found is not None and not found.is_file


def objects(folder: Object) -> list[tuple[str, int]]:
    """All objects below it: the rest of each key, in order, and its bytes. It may be no clean path.

    Raises:
        SourceError: they cannot be listed.
    """
    return bucket.below(folder)


def exists(folder: Location, last: str) -> bool:
    """Whether a folder is there that `new_folder` was to make.

    Raises:
        OutputError: the server does not say.
    """
    if isinstance(folder, Path):
        return folder.exists()
    return bucket.information(folder / last, OutputError) is not None


@contextlib.contextmanager
def new_folder(where: Location, last: str) -> Iterator[Path]:
    """Yields an empty folder on disk, which is there under its name, and whole, when the block succeeds.

    What has that name by then keeps it, and this one is gone. In a bucket, files of two that are sent at the same
    moment may come to lie in one folder: those of the same piece are the same.

    Args:
        where: the name.
        last: the file in it that is sent after all others.

    Raises:
        OutputError: it cannot be written.
    """
    if isinstance(where, Path):
        with atomic_folder(where, replace=False) as folder:
            yield folder
        return
    with _scratch() as folder:
        yield folder
        if not exists(where, last):
            for path in sorted(folder.iterdir(), key=lambda path: path.name == last):
                bucket.send(path, where / path.name)


@contextlib.contextmanager
def fetch(where: Location) -> Iterator[Path]:
    """Yields a file or folder on disk: itself, or of objects a copy for the time of the block.

    Raises:
        SourceError: it is not there, cannot be read, or there is no room for the copy.
    """
    if isinstance(where, Path):
        yield where
        return
    single = bucket.size(where)
    objects = [each for each in bucket.below(where) if is_clean(each[0])] if single is None else [("", single)]
    if not objects:
        raise SourceError(f"{where} does not exist; check the URL")
    with _scratch() as folder:
        needed, free = sum(size for _, size in objects), shutil.disk_usage(folder).free
        if needed > free:
            raise SourceError(
                f"a copy of {where} takes {needed / 1e9:.2f} GB, and {folder.parent} has room for {free / 1e9:.2f}; "
                "make room there, or set TMPDIR to a folder that has some"
            )
        copy = folder / where.name
        for key, size in objects:
            _copy(where / key if key else where, copy / key, size)
        yield copy


def _copy(where: Object, path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_file(where) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, AHEAD)
        if target.tell() != size:
            raise SourceError(f"{where} changed while it was read; run the same command again")


def open_file(where: Location) -> BinaryIO:
    """A file to read in, from any byte on; an object is read where it is asked for, some MB at once.

    Raises:
        OSError: it cannot be read.
    """
    return (
        where.open("rb") if isinstance(where, Path) else cast(BinaryIO, io.BufferedReader(bucket.Ranges(where), AHEAD))
    )


def read(where: Location) -> bytes | None:
    """The content of a small file; None if it is not there.

    Raises:
        OSError: it cannot be read, or is large.
    """
    if isinstance(where, Path):
        return read_file(where, LARGEST_TEXT) if os.path.lexists(where) else None
    size = bucket.size(where)
    if size is None:
        return None
    if size > LARGEST_TEXT:
        raise OSError(errno.EFBIG, f"it has {size} bytes, expected at most {LARGEST_TEXT}", str(where))
    with open_file(where) as file:
        return file.read()


def read_json(where: Location, *, unreadable: str) -> Any:
    """What a small JSON file of the run's own holds; None if it is not there.

    Args:
        where: it lies.
        unreadable: what to do where it cannot be read, or is damaged.

    Raises:
        OutputError: it cannot be read, or is damaged.
    """
    try:
        content = read(where)
        return None if content is None else parse_json(content)
    except EdgeSegError as failure:
        raise OutputError(str(failure)) from failure
    except OSError as failure:
        raise OutputError(f"cannot read {where}: {failure.strerror or failure}; {unreadable}") from failure
    except ValueError as failure:
        raise OutputError(f"{where} is not readable JSON ({failure}); {unreadable}") from failure


def write(where: Location, text: str) -> None:
    """Writes a small file, whole or not at all; its folder is made.

    Raises:
        OutputError: it cannot be written.
    """
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(where) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return
    with _scratch() as folder:
        (folder / where.name).write_text(text, encoding="utf-8")
        bucket.send(folder / where.name, where)


def remove(folder: Location) -> None:
    """Removes a folder with all that is in it, if it is there.

    Raises:
        OSError: it cannot be removed.
    """
    if isinstance(folder, Object):
        bucket.remove(folder)
    elif folder.exists():
        shutil.rmtree(folder)


def tidy(folder: Location) -> None:
    """Removes what is not needed any more, as far as it can be."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            bucket.remove(folder)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder. Those that dead processes of this user left are removed."""
    target = Path(tempfile.gettempdir()) / f"edgeseg-{os.getuid()}"
    for leftover, _, _ in orphans(target.parent, KIND, target):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary = Temporary(target, KIND, folder=True)
    except OSError as error:
        raise OutputError(
            f"cannot write {target.parent}: {error.strerror}; set TMPDIR to a folder that can be written"
        ) from error
    try:
        yield temporary.path
    finally:
        shutil.rmtree(temporary.path, ignore_errors=True)
        temporary.release()
