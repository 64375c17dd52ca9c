"""Objects in buckets, through pyarrow's file system for S3: what is known of them, reading, sending, removing.

Whatever goes wrong is one sentence, after bounded time.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from edgeseg.archive.address import Object
from edgeseg.errors import EdgeSegError, OutputError, SourceError, UsageError
from edgeseg.redact import redact

SECONDS = 5.0
"""That a server has to accept a connection, and may be silent; after three such attempts it counts as gone."""

CHUNK = 2**23
"""Bytes that are sent at once."""

PERMISSIONS = {
    SourceError: "s3:ListBucket and s3:GetObject",
    OutputError: "s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject",
}
"""What reading takes, and writing."""

REFUSED = frozenset(
    (
        *("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID", "REQUEST_TIME_TOO_SKEWED"),
        *("ExpiredToken", "InvalidToken"),  # which AWS's library for C++ has no names of its own for
    )
)
"""Errors that are the credentials', or the clock's."""

SHOWN = 200
"""Characters of a server's own words."""


@cache
def system(endpoint: str | None, region: str | None) -> Any:
    """pyarrow's file system for a server; credentials are those of the environment, a profile or the machine.

    Raises:
        UsageError: this pyarrow has none for S3.
    """
    try:
        from pyarrow.fs import S3FileSystem
    except ImportError as error:
        raise UsageError(
            "this pyarrow was built without S3, so s3:// cannot be read or written; install the one of "
            "pip install 'edgeseg[batch]'"
        ) from error
    scheme, _, host = endpoint.partition("://") if endpoint else (None, None, None)
    if endpoint and not region and not any(map(os.environ.get, ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"))):
        region = "us-east-1"  # what servers other than AWS answer to, where nothing else is said
    return S3FileSystem(
        endpoint_override=host,
        scheme=scheme,
        region=region,
        connect_timeout=SECONDS,
        request_timeout=SECONDS,
    )


def information(where: Object, error: type[EdgeSegError] = SourceError) -> Any:
    """What pyarrow knows of it; None if it is not there.

    Raises:
        EdgeSegError: of the kind `error`: the server does not say.
    """
    from pyarrow.fs import FileType

    with asking(where, error):
        found = system(where.endpoint, where.region).get_file_info(where.path)
    return None if found.type == FileType.NotFound else found


def size(where: Object) -> int | None:
    """Bytes of an object; None if it is not there."""
    found = information(where)
    return int(found.size) if found is not None and found.is_file else None


def below(where: Object) -> list[tuple[str, int]]:
    """All objects below it: the rest of each key, in order, and its bytes. It may be no clean path.

    Raises:
        SourceError: they cannot be listed.
    """
    from pyarrow.fs import FileSelector

    with asking(where, SourceError):
        selector = FileSelector(where.path, recursive=True, allow_not_found=True)
        found = system(where.endpoint, where.region).get_file_info(selector)
    return sorted((each.path[len(where.path) + 1 :], int(each.size)) for each in found if each.is_file)


def send(path: Path, where: Object) -> None:
    """Sends a file; the object is there when all of it has arrived.

    Raises:
        OutputError: it did not.
    """
    remote = system(where.endpoint, where.region)
    with asking(where, OutputError):
        with path.open("rb") as source, remote.open_output_stream(where.path) as target:  # copy_files hides errors
            try:
                shutil.copyfileobj(source, target, CHUNK)
            except BaseException:  # as it is closed now, what was sent so far counts as all
                with suppress(OSError):
                    target.close()
                    remote.delete_file(where.path)
                raise
        arrived = remote.get_file_info(where.path).size
    if arrived != path.stat().st_size:
        raise OutputError(f"{where} has {arrived} bytes, and {path.stat().st_size} were sent; run the command again")


def remove(where: Object) -> None:
    """Removes all objects below it.

    Raises:
        OutputError: they cannot be removed.
    """
    if information(where, OutputError) is not None:
        with asking(where, OutputError):
            system(where.endpoint, where.region).delete_dir(where.path)


class Ranges(io.RawIOBase):
    """An object that is read in by ranges.

    Attributes:
        name: of the object, by whose ending FFmpeg tells formats apart.
    """

    def __init__(self, where: Object) -> None:
        """Asks for its size.

        Raises:
            SourceError: it is not there, or cannot be read.
        """
        self.name = where.name
        self._where = where
        with asking(where, SourceError):
            self._file = system(where.endpoint, where.region).open_input_file(where.path)
            self._size = int(self._file.size())
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a byte; nothing is asked for."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer as far as there is something.

        Raises:
            SourceError: the server does not give it.
        """
        count = max(0, min(len(buffer), self._size - self._at))
        if not count:
            return 0
        with asking(self._where, SourceError):
            data = bytes(self._file.read_at(count, self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def asking(where: Object, error: type[EdgeSegError]) -> Iterator[None]:
    """Says what pyarrow raises in a sentence; an output that failed is like a broken disk, which takes no others."""
    try:
        yield
    except EdgeSegError:
        raise
    except (OSError, ValueError) as failure:  # pyarrow's own are kinds of these
        text = str(failure)
        cause = OSError(errno.EIO, text) if error is OutputError else failure
        raise error(_sentence(where, text, error)) from cause


def _sentence(where: Object, text: str, error: type[EdgeSegError]) -> str:
    code = next(reversed(re.findall(r"(?:AWS Error|ExceptionName:) (\w+)", text)), "")
    status = match[1] if (match := re.search(r"HTTP status (\d+)", text)) else ""  # all that answers to HEAD say
    server = f"the server at {where.endpoint}" if where.endpoint else "S3 of AWS"
    if code == "NO_SUCH_BUCKET" or "Bucket does not exist" in text or f"Bucket '{where.bucket}' not found" in text:
        return missing_bucket(where)
    if region := re.search(r"the bucket is located in '([\w-]+)'", text):
        return f"bucket {where.bucket} lies in the region {region[1]}; set AWS_REGION={region[1]}"
    if code == "ACCESS_DENIED" or status == "403":
        return (
            f"{server} gives no permission for {where}; it takes {PERMISSIONS[error]}: check credentials, policy and "
            "this machine's clock"
        )
    if code in REFUSED or (status == "400" and "No response body" in text):
        reason = code if code in REFUSED else "HTTP status 400"
        return (
            f"{server} refuses the credentials for {where} ({reason}); check AWS_ACCESS_KEY_ID or the profile, whether "
            "AWS_SESSION_TOKEN has expired, and the region"
        )
    if code == "SLOW_DOWN" or status[:1] == "5":
        reason = code if code == "SLOW_DOWN" else f"HTTP status {status}"
        return f"{server} is overloaded or out of order ({reason}); run the same command later, with fewer --workers"
    if code == "NETWORK_CONNECTION":
        reason = text.rpartition("Details: ")[2] if "Details: " in text else text.rpartition(": ")[2]
        return (
            f"{server} does not answer for {where} ({redact(reason.strip(' .'))}); check network, endpoint and region"
        )
    verb = "write" if error is OutputError else "read"
    return f"cannot {verb} {where}: {' '.join(text.split())[:SHOWN]}; check bucket, endpoint and region"


def missing_bucket(where: Object) -> str:
    """The sentence."""
    server = f"at {where.endpoint}" if where.endpoint else "at AWS"
    return f"there is no bucket {where.bucket} {server}; check its name and the endpoint, or make it"
