"""Which of a container's streams is its video."""

from __future__ import annotations

import av.stream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from edgeseg.errors import SourceError

STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""What a stream that is no video says of itself: a cover, thumbnails."""

TEXT = frozenset({"ansi", "bintext", "xbin", "idf"})
"""Codecs by which FFmpeg also "plays" text files, as a terminal would show them."""


def best_stream(container: InputContainer, name: str) -> VideoStream:
    """The video stream with the largest pictures, the first among equals; covers and thumbnails are none.

    One of a single frame comes last: animated AVIF has a still of full size before its frames.

    Raises:
        SourceError: there is none, or no decoder for it; or it is a tile of a picture.
    """
    videos = [stream for stream in container.streams.video if not stream.disposition & STILL]
    # Where FFmpeg has no decoder, PyAV has no context.
    decodable = [stream for stream in videos if stream.codec_context is not None]
    decodable = [stream for stream in decodable if stream.codec_context.name not in TEXT]
    if videos and not decodable and videos[0].codec_context is None:
        raise SourceError(
            f"{name} holds video of a kind that the installed FFmpeg has no decoder for; convert it, for instance to "
            "H.264 in MP4"
        )
    if not decodable:
        sound = bool(container.streams.audio)
        holds = "holds sound, but no video" if sound else "is no video that can be decoded"
        raise SourceError(f"{name} {holds}, expected one (MP4, MKV, AVI ...); check that it plays elsewhere")
    best = max(decodable, key=_rank)
    if best.disposition & Disposition.dependent:
        raise SourceError(
            f"{name} is a picture in tiles, as phones write HEIC, which FFmpeg does not join; save it as JPEG or PNG"
        )
    if discard := getattr(av.stream, "Discard", None):  # from PyAV 18 on
        for stream in container.streams:
            if stream is not best:
                stream.discard = discard.all  # a network stream's other renditions are then not fetched
    return best


def _rank(stream: VideoStream) -> tuple[bool, int, int]:
    codec = stream.codec_context
    return stream.frames != 1, codec.width * codec.height, -stream.index
