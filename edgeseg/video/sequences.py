"""What begins anew within a stream.

Where MPEG-1 and MPEG-2 change their size, FFmpeg's decoder forgets the last frame, which it holds back. Where several
Ogg streams stand one behind the other, their headers come among the frames.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

CODECS = ("mpeg1video", "mpeg2video")
"""FFmpeg's names of them."""

START = b"\0\0\1\xb3"
"""Of a sequence header; width and height follow, of 12 bits each (ISO/IEC 13818-2, 6.2.2.1)."""

LATEST = 64
"""Bytes of a packet that a sequence header begins in, where it has one."""

HEADERS = (b"OVP80", b"\x80theora", b"\x81theora", b"\x82theora")
"""What those of VP8 and Theora in Ogg begin with, as no frame does (Theora specification, 6.1)."""


def is_header(packet: Packet[Any]) -> bool:
    """Whether a packet that gives no frame is the header of a stream in Ogg, and not damaged."""
    return bytes(memoryview(packet)[:7]).startswith(HEADERS)


class Sequences:
    """Follows the size in the sequence headers of one stream."""

    def __init__(self) -> None:
        """Knows no size yet."""
        self._size = b""

    def changes_at(self, packet: Packet[Any]) -> bool:
        """Whether the pictures have another size from this packet on."""
        if not packet.is_keyframe or not packet.size:
            return False
        content = bytes(memoryview(packet)[: LATEST + 3])
        at = content.find(START, 0, LATEST)
        before, size = self._size, b"" if at < 0 else content[at + 4 : at + 7]
        self._size = size or before
        return bool(before and size) and size != before
