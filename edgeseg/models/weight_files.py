"""What a file of weights may cost, looked at before a library reads it: safetensors and torch's checkpoints."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

from edgeseg.files import LARGEST_TEXT, open_file

LARGEST = 8 * 2**30
"""Bytes; a checkpoint holds the weights, their average and the optimizer's moments."""


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors: by its content, as both kinds are found under the other's name.

    Raises:
        OSError: it cannot be read, is no regular file, or larger than LARGEST.
    """
    with open_file(path, LARGEST) as file:
        head = file.read(9)
    return head[8:] == b"{" or (path.suffix == ".safetensors" and not head.startswith((b"PK", pickle.PROTO)))


def check_safetensors(path: Path) -> None:
    """Refuses a file whose header is longer than any that is written, or than the file.

    Its first eight bytes are the header's length, little-endian; the header is JSON, and says where the tensors lie.

    Raises:
        OSError: it cannot be read, is no regular file, or larger than LARGEST.
        ValueError: the header is cut off or too long.
    """
    with open_file(path, LARGEST) as file:
        size = file.seek(0, 2)
        file.seek(0)
        header = int.from_bytes(file.read(8), "little")
        if size < 8 or header > size - 8:
            raise ValueError("its header is cut off")
        if header > LARGEST_TEXT:
            raise ValueError(f"its header has {header} bytes, expected at most {LARGEST_TEXT}")


def check_checkpoint(path: Path) -> None:
    """Refuses a torch checkpoint, a zip archive, that holds much more than its size says: torch compresses nothing.

    Raises:
        OSError: it cannot be read, is no regular file, or larger than LARGEST.
        ValueError: it is compressed, or a damaged archive.
    """
    with open_file(path, LARGEST) as file:
        if file.read(2) != b"PK":
            return  # torch's older format, or no checkpoint
        try:
            with zipfile.ZipFile(file) as archive:
                compressed = [each for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED]
        except zipfile.BadZipFile as error:
            raise ValueError(f"it is a damaged archive ({error})") from error
        if compressed:
            raise ValueError(f"{compressed[0].filename} in it is compressed, which torch never does")
