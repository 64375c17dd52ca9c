"""Recordings that a process left when it was killed: found and finished by the next one that records beside them."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from edgeseg.atomic import sync_folder
from edgeseg.temporary import orphans
from edgeseg.video.names import PART, give_name
from edgeseg.video.video_file import CONTAINERS

CHUNK = 1 << 20
"""Bytes that are read at once."""


def finish_orphans(folder: Path, spare: Path | None = None) -> list[str]:
    """Gives every such recording in a folder its name, or NAME.recovered-1 where that is taken.

    What holds no picture is removed. A fragment that was cut off is cut away.

    Args:
        folder: where recordings lie.
        spare: a name in it that none may get, as a new recording will.

    Returns:
        A sentence for each recording.
    """
    sentences = []
    for part, target, handle in orphans(folder, PART):
        if target.suffix.lower() not in CONTAINERS or not stat.S_ISREG(os.fstat(handle).st_mode):
            continue  # a pipe of such a name would be read until somebody writes into it
        try:
            if target.suffix.lower() == ".mp4":
                os.ftruncate(handle, _whole_boxes(handle))
            if not _has_picture(handle, "mp4" if target.suffix.lower() == ".mp4" else "matroska"):
                _read_all(handle)
                part.unlink()
                continue
            os.fsync(handle)
            name = give_name(part, target, overwrite=False, spare=spare)
        except OSError as error:
            sentences.append(f"{part}, which was left unfinished, cannot be finished: {error.strerror or error}")
            continue
        sentences.append(f"a recording was left unfinished; it is {name} now, playable to its last second")
        with suppress(OSError):  # it has its name, whatever the disk makes of that
            sync_folder(folder)
    return sentences


def _has_picture(handle: int, demuxer: str) -> bool:
    """Whether a packet can be read. The demuxer is not guessed: a playlist would lead elsewhere.

    Raises:
        OSError: that cannot be known now: the disk cannot be read, or memory is short.
    """
    import av

    try:
        with av.open(f"/proc/self/fd/{handle}", "r", format=demuxer) as container:
            return any(packet.size for packet in container.demux(video=0))
    except IndexError:  # no video stream
        return False
    except av.FFmpegError as error:
        if isinstance(error, (av.InvalidDataError, av.EOFError)) or error.errno == errno.EIO:
            return False
        raise OSError(error.errno, error.strerror) from error


def _read_all(handle: int) -> None:
    """Raises OSError where some of the file cannot be read: FFmpeg has one error, EIO, for a broken disk and header."""
    at = 0
    while read := len(os.pread(handle, CHUNK, at)):
        at += read


def _whole_boxes(handle: int) -> int:
    """Bytes of an MP4 file up to the end of its last whole fragment, a `moof` box with its `mdat` (ISO 14496-12)."""
    length = os.fstat(handle).st_size
    end = at = 0
    while at + 8 <= length:
        header = os.pread(handle, 8, at)
        size, kind = int.from_bytes(header[:4], "big"), header[4:]
        if size < 8 or at + size > length:
            break
        at += size
        if kind != b"moof":  # alone it points at pictures that are not there
            end = at
    return end
