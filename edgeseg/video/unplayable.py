"""Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from edgeseg.files import LARGEST_TEXT, open_file
from edgeseg.picture_header import LFS_POINTER
from edgeseg.video.boxes import MOST_BOXES, boxes
from edgeseg.video.playlist import START

SDP = b"v=0"
"""The line that a description of a session begins with (RFC 8866, 5.1)."""

NO_DASH = "DASH is left out of PyAV's FFmpeg: give the stream as HLS, or try edgeseg-run, which reads with the system's"

SEVERAL_MATROSKA = (
    "is several Matroska files, one behind the other, and FFmpeg decodes all as the first; if their sizes or codecs "
    "differ, give them one by one"
)

SEVERAL = "is several {}s, one behind the other, and FFmpeg reads no more than the first right; give them one by one"

SEVERAL_MP4S = SEVERAL.format("MP4")

HEADED = {"apng": "APNG", "asf": "ASF or WMV file", "nut": "NUT file", "wtv": "WTV file"}
"""Formats whose first 16 bytes say what they are, and of which FFmpeg reads one file right, not what follows it."""

GOES_BACK = (
    "has fragments whose times overlap or go back, as where recordings were joined, and FFmpeg leaves out {} of their "
    "frames; give each recording by itself"
)

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""The elements that a Matroska or WebM is made of (RFC 8794, 11.2, and RFC 9559, 5.1), by their ids."""


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
    if _are_several_mp4s(_kinds(path)):
        return SEVERAL_MP4S
    return "is no video that can be decoded, expected one (MP4, MKV, AVI ...); check that it plays elsewhere"


def several(path: Path, form: str, last: int, discarded: int) -> str | None:
    """What is to be said of a file that is several, or whose times are those of several; else None.

    Args:
        path: of the file.
        form: as which FFmpeg opened it.
        last: byte at which the video's last packet begins.
        discarded: packets of it, behind the first that is shown, that FFmpeg says are not to be shown.

    Raises:
        OSError: it cannot be read.
    """
    if form.startswith("mov"):
        kinds = _kinds(path)
        if _are_several_mp4s(kinds):
            return SEVERAL_MP4S
        return GOES_BACK.format(discarded) if discarded and b"moof" in kinds else None
    if form == "flv" and last >= 0 and _holds_several_flvs(path, last):
        return SEVERAL.format("FLV")
    if form in HEADED and _begins_again(path):
        return SEVERAL.format(HEADED[form])
    return SEVERAL_MATROSKA if form.startswith("matroska") and _holds_several_matroska(path) else None


def _begins_again(path: Path) -> bool:
    """Whether what a file begins with stands in it once more."""
    with open_file(path, 2**63) as file:
        name = file.read(16)
        before = b""
        while chunk := file.read(2**20):
            if name in before + chunk:
                return True
            before = chunk[-15:]
    return False


def _kinds(path: Path) -> list[bytes]:
    """Of the outermost boxes of an MP4 or MOV, in their order."""
    with open_file(path, 2**63) as file:
        return [kind for kind, _ in boxes(file)]


def _are_several_mp4s(kinds: list[bytes]) -> bool:
    """Whether they are those of several, one behind the other, of which FFmpeg reads the first alone."""
    return kinds.count(b"ftyp") > 1 and kinds.count(b"moov") > 1


def _holds_several_flvs(path: Path, last: int) -> bool:
    """Whether another FLV begins behind a tag (Adobe's specification, version 10.1, annex E) and those that follow."""
    with open_file(path, 2**63) as file:
        for _ in range(MOST_BOXES):
            file.seek(last)
            tag = file.read(11)
            if tag[:4] == b"FLV\x01" or len(tag) < 11:
                return len(tag) == 11
            last += 15 + int.from_bytes(tag[1:4], "big")  # with its own length, which stands behind it
    return False


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
    for kind, end in boxes(file):
        if kind == b"moov":
            return end > length
        kinds.append(kind)
    return bool(kinds) and len(kinds) < MOST_BOXES
