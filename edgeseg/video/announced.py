"""What a container announces of its video: rate, length and number of frames. It may be wrong."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edgeseg.files import open_file

WHOLE = frozenset({"asf", "asf_o", "matroska,webm", "nut", "wtv"})
"""Formats whose streams tell no length of their own, so that FFmpeg may give them the whole file's."""

MPEG = frozenset({"mpeg", "mpegts"})
"""Formats whose streams' lengths FFmpeg takes from their times, or from the whole file, as of one or two frames."""

UNKNOWN = b"\xff\xff\xff\xff"
"""What stands for a length until it is known."""


def frame_rate(stream: VideoStream) -> Fraction | None:
    """The announced rate; None where there is none, or a container's clock instead of one."""
    rate = stream.guessed_rate or stream.average_rate
    return Fraction(rate).limit_denominator(1001) if rate and 0.01 < rate <= 1000 else None


def length(container: InputContainer, stream: VideoStream, begins: float | None = None) -> float | None:
    """Seconds of the video stream itself; None where only the whole file's length is known, or none.

    Args:
        container: of the stream.
        stream: of the video.
        begins: seconds on the container's clock of its first packet, where it is known: FFmpeg takes the file's
            beginning for it where sound comes long before.
    """
    shared = container.format.name in WHOLE or (container.format.name in MPEG and _is_whole(container, stream))
    own = not shared or len(container.streams) == 1
    if own and stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if tag := stream.metadata.get("DURATION"):  # Matroska
        try:
            hours, minutes, seconds = (float(part) for part in tag.split(":"))
        except ValueError:
            return None
        start = float((stream.start_time or 0) * (stream.time_base or 0)) if begins is None else begins
        return 3600 * hours + 60 * minutes + seconds - start
    if len(container.streams) == 1 and container.duration is not None:
        return container.duration / av.time_base
    return None


def _is_whole(container: InputContainer, stream: VideoStream) -> bool:
    """Whether a stream is as long as the whole file, to a tick of its clock."""
    if stream.duration is None or stream.time_base is None or container.duration is None:
        return False
    return abs(stream.duration - container.duration / av.time_base / stream.time_base) <= 1


def frame_count(container: InputContainer, stream: VideoStream, begins: float | None = None) -> int | None:
    """How many frames are to be expected, exactly or from length and rate: for progress, not for judgement."""
    if stream.frames > 0:
        return stream.frames
    seconds, rate = length(container, stream, begins), frame_rate(stream)
    if seconds is None and container.duration is not None:
        seconds = container.duration / av.time_base
    return max(1, round(seconds * rate)) if seconds and rate else None


def has_placeholder(path: Path) -> bool:
    """Whether a file's header has a placeholder where its length would stand: the size of an AVI, the frames of an IVF.

    So it is where the writer could not go back, as into a pipe, or was killed. What FFmpeg takes from it is made up.

    Raises:
        OSError: it cannot be read.
    """
    with open_file(path, 2**63) as file:
        head = file.read(28)
    return (head[:4] == b"RIFF" and head[4:8] == UNKNOWN) or (head[:4] == b"DKIF" and head[24:28] == UNKNOWN)
