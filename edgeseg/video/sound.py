"""Sound of a source file, copied packet by packet beside the pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.errors import OutputError
from edgeseg.video.wrap import is_no_wrap

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

RESTART = 1.0
"""Seconds back by which a file's clock began again: the sound ends there, as it would no longer fit the pictures."""


class Sound:
    """The audio packets of a file, in order.

    Attributes:
        stream: the audio stream, for an output to be made like it.
    """

    def __init__(self, path: Path, start_time: float = 0.0, options: Mapping[str, str] | None = None) -> None:
        """Opens a file beside the source that decodes its pictures.

        Args:
            path: of the file.
            start_time: seconds on the file's clock at which the first picture is shown.
            options: FFmpeg's, as the source was opened with.

        Raises:
            OutputError: there is no sound in it.
        """
        import av

        from edgeseg.video.file import open_container

        try:
            self._container = open_container(path, options or {})
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"cannot read the sound of {path}: {error}; leave out --sound") from error
        known = [each for each in self._container.streams.audio if each.codec_context is not None]  # to this FFmpeg
        best = self._container.streams.best("audio")
        stream = best if best in known else next(iter(known), None)
        if stream is None:
            self._container.close()
            raise OutputError(f"{path} has no sound that could be copied; leave out --sound")
        self.stream: Stream = stream
        self._breaks = False  # the clock begins anew behind the last packet
        self._start_time = start_time
        self._packets = self._read()
        self._next = next(self._packets, None)

    @property
    def broken(self) -> bool:
        """Whether all was given up to where the file's clock begins anew; what follows would not fit the pictures."""
        return self._breaks and self._next is None

    def between(self, start: float, end: float) -> Iterator[Packet[Any]]:
        """Packets that begin at `start` or later and before `end`, seconds since the first picture, moved by -`start`.

        Packets before `start` are passed over; those from `end` on wait for the next call.
        """
        while self._next is not None and self._next[0] < end:
            (seconds, packet), self._next = self._next, next(self._packets, None)
            if seconds >= start:
                assert packet.pts is not None
                assert packet.time_base is not None
                shift = packet.pts - round((seconds - start) / packet.time_base)
                packet.pts -= shift
                packet.dts = packet.pts if packet.dts is None else packet.dts - shift
                yield packet

    def close(self) -> None:
        """Closes the file; more calls do nothing."""
        self._next = None
        self._container.close()

    def _read(self) -> Iterator[tuple[float, Packet[Any]]]:
        """Packets with the second, since the first picture, at which they begin."""
        import av

        from edgeseg.video.decoder import packets_of

        before = math.nan  # nothing is before it, nor behind
        try:
            for packet in _unframed(packets_of(self._container, self.stream), self.stream):
                if packet.size == 0 or packet.pts is None or packet.time_base is None:
                    continue
                at = float(packet.pts * packet.time_base)
                if at < before - RESTART or is_no_wrap(self._container.format.name, before, at):
                    self._breaks = True
                    return
                if at <= before:  # as where two recordings overlap: no container takes it
                    continue
                yield at - self._start_time, packet
                before = at
        except (av.FFmpegError, OSError):  # the end of a damaged file; the pictures' decoder says what is wrong
            return


def add_copy(container: OutputContainer, sound: Stream) -> Stream:
    """Adds a stream for the packets of a `Sound`, like the one that it reads."""
    copy = container.add_stream_from_template(sound)
    if copy.codec_context.extradata is None and sound.codec_context.extradata is not None:
        copy.codec_context.extradata = sound.codec_context.extradata
    return copy


def advice_on(codec: str, muxer: str) -> str:
    """What to do with a sound that a container does not take; G.711, which cameras send, is taken by none here.

    Args:
        codec: by FFmpeg's canonical name.
        muxer: of the container, by FFmpeg's name.
    """
    import av

    with av.open(io.BytesIO(), "w", "matroska") as mkv:
        takes = codec in mkv.supported_codecs
    if not takes:
        return "nor does another container here: leave out --sound, or make it AAC first (ffmpeg -c:v copy -c:a aac)"
    return "leave out --sound" if muxer == "matroska" else "name an .mkv, which takes it, or leave out --sound"


def _unframed(packets: Iterator[Packet[Any]], stream: Stream) -> Iterator[Packet[Any]]:
    """The packets; AAC that carries its own headers, as in MPEG-TS, without them, as MP4 asks for.

    What the headers say becomes the stream's, for outputs that are made like it.
    """
    from av.bitstream import BitStreamFilterContext
    from av.packet import Packet

    strip: BitStreamFilterContext | None = None
    for packet in packets:
        if packet.size == 0:
            continue
        if strip is None and stream.codec_context.extradata is None and _has_adts(stream, packet):
            strip = BitStreamFilterContext("aac_adtstoasc", stream)
        if strip is None:
            yield packet
            continue
        for each in strip.filter(packet):
            if each.has_sidedata("new_extradata"):
                stream.codec_context.extradata = bytes(each.get_sidedata("new_extradata"))
            bare = Packet(bytes(each))  # Matroska would read the side data again, and cannot
            bare.pts, bare.dts, bare.duration, bare.time_base = each.pts, each.dts, each.duration, each.time_base
            bare.is_keyframe = True
            yield bare


def _has_adts(stream: Stream, packet: Packet[Any]) -> bool:
    """Whether a packet begins with the sync word of ADTS (ISO/IEC 14496-3, 1.A.2.2)."""
    start = bytes(packet)[:2]
    return stream.codec_context.name == "aac" and len(start) == 2 and start[0] == 0xFF and start[1] & 0xF0 == 0xF0
