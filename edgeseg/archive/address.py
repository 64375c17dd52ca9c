"""Where a run reads and writes, by name: a path, or an object in a bucket of S3."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from edgeseg.errors import UsageError
from edgeseg.redact import redact

OPTIONS = ("endpoint_override", "region", "scheme")
"""What may stand behind a URL's question mark, by pyarrow's names."""

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Where the environment says which server is meant, which pyarrow does not read."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What ends a line, or is no character, as a byte that is not UTF-8.

Other spaces are common in names, as U+202F in those of macOS.
"""


@dataclass(frozen=True)
class Object:
    """An object in a bucket, or all of those below it. It is put together as a path is.

    Attributes:
        bucket: its name.
        key: parts between single slashes; empty for the bucket itself.
        endpoint: of the server, as "http://localhost:9000"; None for that of AWS.
        region: of the bucket; None for what the environment or a profile says.
    """

    bucket: str
    key: str
    endpoint: str | None = None
    region: str | None = field(default=None, compare=False)

    def __truediv__(self, name: str) -> Object:
        return replace(self, key=posixpath.join(self.key, name))

    def __str__(self) -> str:
        return f"s3://{self.path}"

    @property
    def path(self) -> str:
        """As pyarrow wants it."""
        return f"{self.bucket}/{self.key}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The name's ending, from its last dot."""
        return posixpath.splitext(self.key)[1]

    @property
    def parent(self) -> Object:
        """What it lies in."""
        return replace(self, key=posixpath.dirname(self.key))


Location = Path | Object


def is_url(text: str) -> bool:
    """Whether it has a scheme, as in s3://."""
    return re.match("[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def is_clean(key: str) -> bool:
    """Whether it is a path below a folder, and leads nowhere else: any text may be the key of an object."""
    return not CONTROL.search(key) and all(part not in ("", ".", "..") for part in key.split("/"))


def locate(text: str | Path) -> Location:
    """What a path or URL names.

    Raises:
        UsageError: a URL that is not s3://BUCKET/KEY, or that holds credentials or unknown options. None is shown.
    """
    if isinstance(text, Path) or not is_url(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    address, _, query = rest.partition("?")
    if scheme != "s3":
        raise UsageError(f"{redact(text)} begins with {scheme}://, expected a path or s3://BUCKET/KEY")
    bucket, _, key = address.partition("/")
    if "@" in (rest if ":" in bucket else bucket):  # a password may hold a slash
        raise UsageError(
            f"{redact(text)} has an @, as if it held credentials; leave them to the environment (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY) or to a profile"
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", bucket):
        raise UsageError(f"s3://{address} names no bucket, expected s3://BUCKET/KEY")
    key = key.rstrip("/")
    if key and not is_clean(key):
        wrong = "//, . or .., or with a control character"
        raise UsageError(f"{f's3://{address}'!r} has a key with {wrong}, expected parts between single slashes")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if (query and not options) or not set(options) <= set(OPTIONS):
        raise UsageError(f"s3://{address}?*** has options that are none, expected {', '.join(OPTIONS)}")
    endpoint = options.get("endpoint_override") or next(filter(None, map(os.environ.get, ENDPOINTS)), None)
    return Object(bucket, key, _endpoint(endpoint, options.get("scheme", "https")), options.get("region"))


def _endpoint(text: str | None, scheme: str) -> str | None:
    """A server's address, with its scheme.

    Raises:
        UsageError: it is none.
    """
    if not text:
        return None
    parts = urlsplit(text if "://" in text else f"{scheme}://{text}")
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not parts.netloc or parts.path.strip("/"):
        raise UsageError(f"the endpoint is {redact(text)}, expected HOST:PORT or http://HOST:PORT, without credentials")
    return f"{parts.scheme}://{parts.netloc}"
