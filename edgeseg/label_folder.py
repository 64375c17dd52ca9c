"""Folders that are named after labels: what file systems cannot hold in a name is written as %XX, as URLs do."""

from __future__ import annotations

import re
from urllib.parse import unquote

_UNSAFE = re.compile(r'[\\/:*?"<>|%]|^[. ]|[. ]$')
"""What Windows or Unix refuse in a name, or hide; and the sign that stands before a number."""


def folder_of(label: str) -> str:
    """The name of a label's folder."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", label)


def label_of(folder: str) -> str:
    """The label of a folder's name: the reverse of `folder_of`."""
    return unquote(folder)
