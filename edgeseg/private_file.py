"""Files with a secret on their first line, which nobody but their owner may read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from edgeseg.errors import UsageError
from edgeseg.files import read_file

LONGEST = 4096
"""Bytes of such a file."""


def first_line(path: Path, what: str) -> str:
    """The first line, without its end.

    Args:
        path: of the file.
        what: the secret, as messages name it: "the token".

    Raises:
        UsageError: others may read the file, or it cannot be read.
    """
    try:
        others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        content = read_file(path, LONGEST)
    except OSError as error:
        place = f" in {path}" if os.path.lexists(path) or _lies_in_a_folder(path) else ""  # or it is the secret itself
        raise UsageError(
            f"cannot read {what}{place}: {error.strerror or error}; give the path of a file that holds it"
        ) from error
    if others:
        raise UsageError(f"others than its owner may read {what} in {path}; close it: chmod 600 {path}")
    return content.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")


def _lies_in_a_folder(path: Path) -> bool:
    """Whether a path names a folder that is there for its file."""
    return len(path.parts) > 1 and path.parent.is_dir()


def read_token(path: Path, *, shortest: int = 1) -> str:
    """The token on the first line, which HTTP can carry in a header.

    Raises:
        UsageError: as `first_line`; or the token is too short, or not printable ASCII.
    """
    token = first_line(path, "the token").strip()
    if len(token) < shortest:
        raise UsageError(
            f"the token in {path} has {len(token)} characters, expected at least {shortest}; make one: "
            f"(umask 077; openssl rand -hex 24 > {path})"
        )
    if not re.fullmatch(r"[!-~]+", token):
        raise UsageError(f"the token in {path} holds spaces, or letters beyond ASCII; take letters and digits")
    return token
