"""MPEG-TS that goes on with another video, as recordings that were joined, or a channel whose encoder was replaced.

FFmpeg goes on with the streams that it found at the beginning: another codec is damage to their decoder, and a stream
of another number (PID) is not read. Opened anew from there on, it finds what is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from edgeseg.video.decoder import Decoded, Decoder, packets_of

MPEG_TS = "mpegts"
"""FFmpeg's name of the format in which this is so."""

SKIP = "skip_initial_bytes"
"""FFmpeg's option for where to begin."""

FRUITLESS = 50
"""Packets in a row without a frame after which another codec may have begun; decoders hold fewer frames back."""

STEP = 1.0
"""Seconds between two packets that another video may lie between."""

MOST_DOUBTS = 64
"""Places that are looked at beside the ends; a file with more is damaged all over, and said to be."""

UNFOLLOWED = "goes on with another video, of another codec or number (PID), which --follow does not read; leave it out"

Kind = tuple[int, str]
"""What tells one video from another in the same file: its number, and FFmpeg's name of its decoder."""

Reopen = Callable[[int], InputContainer]
"""Opens the same file without so many of its first bytes."""


def another_video(reopen: Reopen, known: Collection[Kind], at: int) -> InputContainer | None:
    """What follows from a byte of a file on, opened, if it holds a video that is not known; else None."""
    try:
        following = reopen(at)
    except FFmpegError:  # nothing follows
        return None
    if any(stream.codec_context.width and kind_of(stream) not in known for stream in _decodable(following)):
        return following
    following.close()
    return None


def goes_on(decoder: Decoder, reopen: Reopen) -> bool:
    """Whether another video follows the last frame of a decoder that has come to its end."""
    following = another_video(reopen, {kind_of(decoder.stream)}, decoder.position + 1)
    if following is not None:
        following.close()
    return following is not None


def kind_of(stream: VideoStream) -> Kind:
    """The kind of a stream for which there is a decoder."""
    return stream.id, stream.codec_context.name


def _decodable(container: InputContainer) -> list[VideoStream]:
    return [stream for stream in container.streams.video if stream.codec_context is not None]


class JoinedDecoder(Decoder):
    """Decodes one video of a file after the other."""

    def __init__(self, container: InputContainer, name: str, *, threads: int, reopen: Reopen) -> None:
        """Chooses the first one.

        Args:
            container: an open one, which `close` closes.
            name: for messages.
            threads: of the decoder.
            reopen: opens the file from another place on.

        Raises:
            SourceError: it holds no video, or one that this FFmpeg cannot decode.
        """
        self._reopen = reopen
        self._doubts = self._fruitless = 0
        self._failing = False
        self._change: int | None = None  # a byte from which another video was found
        super().__init__(container, name, threads=threads)

    def read(self, *, patience: float = math.inf) -> Decoded | None:
        """The next frame, as `Decoder.read` gives it; None at the end of the last video."""
        decoded = super().read(patience=patience)
        while decoded is None and (following := self._following()) is not None:
            number, codec = kind_of(self.stream)
            self._container.close()
            self._begin(following)
            if number == self.stream.id:
                self._warn(
                    f"goes on in another codec ({codec}, then {self._codec.name}): the last one or two frames before "
                    "that may be missing, as FFmpeg does not give them"
                )
            decoded = super().read(patience=patience)
        if decoded is None:
            super()._judge()
        return decoded

    def _judge(self) -> None:
        """Waits for the last video: to those before it came packets of the one behind."""

    def _following(self) -> InputContainer | None:
        """What follows the last frame, or the place at which the video was left."""
        places, self._change = (self.position + 1, self._change), None
        for place in places:
            if place is not None and (found := another_video(self._reopen, self._known(place), place)) is not None:
                self.position = max(self.position, place)
                return found
        return None

    def _begin(self, container: InputContainer) -> None:
        self._others: dict[Kind, int] = {}  # where the first packet of each other video begins
        self._begun = False  # with the first frame
        super()._begin(container)

    def _all_packets(self) -> Iterator[Packet[VideoStream]]:
        """Those up to a step of their clock in which another video lies, and an empty one."""
        last, place = None, 0
        videos = _decodable(self._container)
        for stream in videos:
            if hasattr(stream, "discard"):  # from PyAV 18 on
                stream.discard = self.stream.discard
        for packet in packets_of(self._container, *videos):
            if packet.stream is not self.stream:
                if packet.pos is not None:
                    self._others.setdefault(kind_of(packet.stream), packet.pos)
                continue
            if packet.dts is not None and packet.pos is not None:
                at = packet.dts * float(self.stream.time_base or 0)
                if last is not None and not 0 <= at - last <= STEP and self._is_another(place + 1):
                    drain: Any = Packet()
                    drain.stream = self.stream
                    yield drain
                    return
                last, place = at, packet.pos
            yield packet

    def _decode(self, packet: Packet[VideoStream]) -> None:
        damaged, position = self.damaged, self.position
        super()._decode(packet)
        if not self._begun and position >= 0:  # what is left of the video before
            self.damaged = damaged
        self._begun = self._begun or self.position > position
        self._fruitless = 0 if self.position > position else self._fruitless + 1
        failed, self._failing = self._failing, self.damaged > damaged
        doubtful = (self._failing and not failed) or self._fruitless == FRUITLESS
        if doubtful and packet.pos is not None and self._is_another(packet.pos):
            self.damaged = damaged
            with suppress(FFmpegError):  # of what it cannot decode
                self.finish()

    def _is_another(self, place: int) -> bool:
        """Whether another video begins there."""
        self._doubts += 1
        if self._doubts > MOST_DOUBTS:
            return False
        found = another_video(self._reopen, self._known(place), place)
        if found is not None:
            found.close()
            self._change = place
        return found is not None

    def _known(self, place: int) -> set[Kind]:
        """The video that is decoded, and those beside it, which began before."""
        return {kind_of(self.stream)} | {kind for kind, first in self._others.items() if first < place}
