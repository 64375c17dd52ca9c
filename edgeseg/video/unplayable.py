"""Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgeseg.files import LARGEST_TEXT, open_file
from edgeseg.picture_header import LFS_POINTER
from edgeseg.video.playlist import START

FIRST = (b"ftyp", b"free", b"mdat", b"moov", b"skip", b"wide")
"""Boxes that an MP4 or MOV begins with."""

SDP = b"v=0"
"""The line that a description of a session begins with (RFC 8866, 5.1)."""

NO_DASH = "DASH is left out of PyAV's FFmpeg: give the stream as HLS, or try edgeseg-run, which reads with the system's"

SEVERAL_MP4S = (
    "is several MP4s, one behind the other, and FFmpeg reads no more than the first right; give them one by one"
)

SEVERAL_MATROSKA = (
    "is several Matroska files, one behind the other, and FFmpeg decodes all as the first; if their sizes or codecs "
    "differ, give them one by one"
)

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""The elements that a Matroska or WebM is made of (RFC 8794, 11.2, and RFC 9559, 5.1), by their ids."""

MOST_BOXES = 2**18
"""That are looked at: 36 hours of fragments of a second have that many."""


def why_unplayable(path: Path) -> str:
    """The end of a sentence that begins with the file's name.

    Raises:
        OSError: it cannot be read.
    """
    with open_file(path, 2**63) as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            return "is a pointer of Git LFS, no video; fetch the file itself, git lfs pull"
        file.seek(0)
        if file.readline(8).rstrip() == SDP:
            return (
                "is a description of a stream (SDP), no video; give the stream's own URL, or serve the description and "
                "give http://HOST/NAME.sdp"
            )
        file.seek(0)
        text = file.read(LARGEST_TEXT)
        if text.startswith(b"<") and b"<MPD" in text[:4096]:
            return f"is a manifest, no video; {NO_DASH}"
        if text.startswith(START) and b"#EXT-X-KEY:" in text:
            return (
                "is encrypted and cannot be read with its key; where that is the right one, "
                "--source-option allowed_extensions=ALL lets FFmpeg open it by whatever name"
            )
        if _lacks_index(file):
            return (
                "has no whole index (moov), as happens where a recording or a copy breaks off; copy it again, or try a "
                "tool that repairs MP4, such as untrunc"
            )
    if _holds_several_mp4s(path):
        return SEVERAL_MP4S
    return "is no video that can be decoded, expected one (MP4, MKV, AVI ...); check that it plays elsewhere"


def several(path: Path, form: str) -> str | None:
    """What is to be said of a file that FFmpeg opened as `form`, if it is several, one behind the other; else None.

    Raises:
        OSError: it cannot be read.
    """
    if form.startswith("mov") and _holds_several_mp4s(path):
        return SEVERAL_MP4S
    return SEVERAL_MATROSKA if form.startswith("matroska") and _holds_several_matroska(path) else None


def _holds_several_mp4s(path: Path) -> bool:
    """Whether a file is several MP4s, one behind the other, of which FFmpeg reads the first alone."""
    with open_file(path, 2**63) as file:
        kinds = [kind for kind, _ in _boxes(file)]
    return kinds.count(b"ftyp") > 1 and kinds.count(b"moov") > 1


def _holds_several_matroska(path: Path) -> bool:
    """Whether a Matroska or WebM is followed by another; not seen of one that is live, which tells no length."""
    with open_file(path, 2**63) as file:
        place = 0
        for kind in (EBML, SEGMENT):
            file.seek(place)
            header = file.read(12)
            if len(header) < 12 or header[:4] != kind or not header[4]:
                return False
            width = 9 - header[4].bit_length()  # of the length, of which the first byte tells it (RFC 8794, 4)
            length = int.from_bytes(header[4 : 4 + width], "big") & ((1 << 7 * width) - 1)
            if length == (1 << 7 * width) - 1:
                return False
            place += 4 + width + length
        file.seek(place)
        return file.read(4) == EBML


def _lacks_index(file: BinaryIO) -> bool:
    """Whether it is an MP4 or MOV that ends before its `moov` box does (ISO/IEC 14496-12, 4.2 and 8.2.1)."""
    length = os.fstat(file.fileno()).st_size
    kinds = []
    for kind, end in _boxes(file):
        if kind == b"moov":
            return end > length
        kinds.append(kind)
    return bool(kinds) and len(kinds) < MOST_BOXES


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and end of each outermost box of an MP4 or MOV; none of another file."""
    length, place = os.fstat(file.fileno()).st_size, 0
    for _ in range(MOST_BOXES):
        file.seek(place)
        header = file.read(16)
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if place == 0 and kind not in FIRST:
            return
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        place += size
        yield kind, place
        if size < 8 or place >= length:  # 0 is a box that goes on to the end
            return
