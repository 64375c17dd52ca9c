"""JPEG (ITU-T T.81): its size, how often it draws over itself, and whether it lacks nothing but its end mark."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

JPEG = b"\xff\xd8"
"""The first bytes of one."""

END = b"\xff\xd9"
"""The last (EOI)."""

_SCAN = 0xDA
"""The second byte of the marker that a scan begins with (SOS)."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the coded data of a scan: all but a stuffed byte, a fill byte and a restart (B.1.1)."""

_ZEROS = 3
"""Bytes of 0 that coded data may end with; more are not of the picture."""

_MORE = bytes([0xAA, 0x55] * 32)
"""Coded data that no picture goes on with."""


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header (B.2.2), behind segments that are passed over.

    Raises:
        struct.error: it ends before them.
    """
    place = 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            place += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]
    return None


def jpeg_scans(content: bytes) -> int:
    """Scans of a JPEG, each of which a decoder carries over the whole picture; 0 for other files.

    Those of a preview, or of what lies behind the picture, do not count.
    """
    return sum(marker == _SCAN for marker in _markers(content))


def with_end(content: bytes) -> bytes | None:
    """The bytes of a picture's file; to a JPEG that lacks nothing but its end mark, as many cameras write, it is added.

    None of a JPEG that is cut off, also where its file was filled up with zeros, which are decoded as noise. One is
    whole if it is the same picture whatever coded data follows, and lacks no restart. Of several scans, as progressive
    ones have, the last may be missing.
    """
    markers = list(_markers(content))
    if not content.startswith(JPEG) or END[1] in markers:
        return content
    if markers.count(_SCAN) != 1:
        return None
    least = len(content.rstrip(b"\0"))
    written = (content[:end] for end in range(least, min(least + _ZEROS, len(content)) + 1))
    return next((each + END for each in written if _is_whole(each)), None)


def _is_whole(content: bytes) -> bool:
    """Whether a JPEG of one scan, without its end mark, lacks no coded data."""
    shown, other = _decoded(content + END), _decoded(content + _MORE + END)
    return shown is not None and other is not None and np.array_equal(shown, other)


def _markers(content: bytes) -> Iterator[int]:
    """The second bytes of a JPEG's markers, from the one behind its start to its end mark; none of other files.

    Passes over what lies in segments, as a preview, and behind the picture, as the video of a motion photo.
    """
    place = 2 if content.startswith(JPEG) else len(content)
    with contextlib.suppress(struct.error):  # cut off: whoever decodes it says so
        while found := _MARKER.search(content, place):
            marker, place = content[found.start() + 1], found.end()
            yield marker
            if marker == END[1]:
                return
            if marker not in (0x01, 0xD8):  # the others have a length
                place += struct.unpack_from(">H", content, place)[0]


def _decoded(content: bytes) -> NDArray[np.uint8] | None:
    """What FFmpeg makes of it, None where it misses data; unlike OpenCV's decoder it writes nothing to the terminal."""
    import av  # loaded where it is needed

    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    with contextlib.suppress(av.FFmpegError):
        for frame in decoder.decode(av.Packet(content)):
            return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    return None
