"""A network camera with a number in every picture: plays a video over TCP, as H.264 in Matroska, at its real rate.

The number is burnt into the top left corner, as sixteen black or white blocks and their complement, so that whoever
reads it from the decoded picture knows which frame that picture is, however long decoders and networks kept it.

Matroska, because it says where a frame ends, as RTSP does: in MPEG-TS a reader only knows when the next frames begin,
which adds two frame intervals whatever reads it.

The pictures are encoded before the first one is sent: what the sender does while it sends costs next to nothing.
Time, on Linux, is that of the whole machine: time.perf_counter() means the same in all of its processes.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from fractions import Fraction
from itertools import count
from pathlib import Path

import av

from edgeseg.arrays import Image
from edgeseg.errors import EdgeSegError
from edgeseg.video.open import open_source

BITS = 16
BLOCK = 16
"""Pixels a side: as a macroblock of the codec, so that neighbours do not bleed into each other."""



def burn(image: Image, number: int) -> None:
    """Writes a number, 0 to 65535, into a BGR uint8 (H, W, 3) picture of at least 256x32 pixels."""
    for bit in range(BITS):
        level = 255 * (number >> bit & 1)
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = level
        image[BLOCK : 2 * BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 - level


def read(image: Image) -> int | None:
    """The number in a picture that was encoded and decoded; None if it is damaged."""
    blocks = image[: 2 * BLOCK, : BITS * BLOCK].reshape(2, BLOCK, BITS, BLOCK, 3).mean(axis=(1, 3, 4)) > 127
    if (blocks[0] == blocks[1]).any():
        return None
    return int(sum(1 << bit for bit in range(BITS) if blocks[0, bit]))


class _Tap:
    """What a muxer writes into; it cannot seek, like a connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        """Keeps it."""
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        """All that was written since the last time."""
        content, self._buffer = bytes(self._buffer), bytearray()
        return content


def encode(video: Path, frames: int, fps: Fraction) -> list[bytes]:
    """A stream of a video that starts again where it ends: a chunk a frame, each complete, numbered from 0."""
    chunks, tap = [], _Tap()
    options = {"live": "1", "cluster_time_limit": "0", "flush_packets": "1"}
    with av.open(tap, "w", format="matroska", options=options) as container:
        # As cameras send: no frame waits for a later one, a whole picture every second.
        options = {"preset": "superfast", "tune": "zerolatency", "crf": "23", "g": str(round(fps))}
        stream = container.add_stream("libx264", rate=fps, options=options)
        number = 0
        while number < frames:
            with open_source(video) as source:
                if number == 0:
                    stream.width, stream.height, stream.pix_fmt = source.width, source.height, "yuv420p"
                for frame in source:
                    if number == frames:
                        break
                    burn(frame.image, number)
                    picture = av.VideoFrame.from_ndarray(frame.image, format="bgr24")
                    picture.pts, picture.time_base = number, 1 / fps
                    container.mux(stream.encode(picture))
                    if number:  # the muxer gives a frame away when it gets the next one
                        chunks.append(tap.take())
                    number += 1
    return [*chunks, tap.take()]


def main(arguments: str) -> None:
    """Listens, prints its port, sends to the first that connects; prints when frame 0 left, and ends after the last."""
    video, frames, fps = json.loads(arguments)
    chunks = encode(Path(video), frames, Fraction(fps).limit_denominator(1001))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps(server.getsockname()[1]), flush=True)
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            start = time.perf_counter()
            print(json.dumps(start), flush=True)
            for number, chunk in zip(count(), chunks, strict=False):
                time.sleep(max(0.0, start + number / fps - time.perf_counter()))
                connection.sendall(chunk)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except EdgeSegError as error:
        sys.exit(str(error))
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)  # the reader has seen enough
