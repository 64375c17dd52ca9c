"""Video files cut at key frames: stretches that are decoded each by itself and give, bit for bit, what the whole gives.

A cut lies before a key frame that everything after it is decoded from: what is stored before it is shown before it, and
what is stored behind it is shown after it (a closed group of pictures). In H.264 the frame must be an IDR: other key
frames let later ones refer to what lies before them. A video that breaks a rule is not cut; where decoding shows that
it should not have been, `InseparableError` says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from edgeseg.errors import SourceError
from edgeseg.video.announced import frame_rate
from edgeseg.video.decoder import Decoder, packets_of
from edgeseg.video.file import PROTOCOLS, open_container
from edgeseg.video.joined import MPEG_TS, SKIP, STEP, another_video, kind_of
from edgeseg.video.playlist import check_playlist
from edgeseg.video.source import Ended, Frame, Source, check_file
from edgeseg.video.streams import best_stream
from edgeseg.video.unplayable import several
from edgeseg.video.wrap import is_no_wrap

CODECS = frozenset({"av1", "libdav1d", "ffv1", "h264", "hevc", "mjpeg", "mpeg2video", "mpeg4", "prores", "vp9"})
"""Decoders that begin anew at a key frame in a closed group of pictures, and see damage; by FFmpeg's names."""

IDR = 5
"""The type of H.264's NAL units that hold a picture which ends all references (ITU-T H.264, table 7-1)."""


BACK = (0, 2, 20)
"""Seconds before a stretch to which it is sought, one after the other: MPEG-TS is sought by the times of decoding."""


class InseparableError(SourceError):
    """A stretch of a video cannot be decoded by itself, or not to what the whole gives."""


class Span(NamedTuple):
    """A stretch of a video.

    Attributes:
        start: time of presentation of its first packet, a key frame, in the stream's time base; None at the beginning
            of the file.
        packets: how many of the video stream it holds.
    """

    start: int | None
    packets: int


def cut(path: Path, seconds: float) -> tuple[Span, ...]:
    """The stretches of a video file, of `seconds` or a little more, the last maybe less: together all of it.

    The file is read through, and nothing of it is decoded.

    Returns:
        None at all where it cannot be cut: it is to be decoded as a whole.

    Raises:
        SourceError: it is missing, or no video.
    """
    with _opened(path) as container:
        stream = best_stream(container, str(path))
        if stream.codec_context.name not in CODECS:
            return ()
        if container.format.name == "avi" and stream.codec_context.has_b_frames:  # their times are guesses
            return ()
        try:
            index = _index(path, container, stream)
        except FFmpegError:
            return ()
        if index is None or stream.time_base is None:
            return ()
        return _spans(*index, length=seconds / float(stream.time_base))


def _index(path: Path, container: InputContainer, stream: VideoStream) -> tuple[list[int], list[bool]] | None:
    """Of each packet its time, and whether decoding may begin with it.

    None where one is missing or damaged, and where the file is several, of which the whole video warns; of MPEG-TS also
    where another video may lie beside, between or behind them.
    """
    joined = container.format.name == MPEG_TS
    if joined and len(container.streams.video) > 1:
        return None
    last = discarded = 0
    times: list[int] = []
    keys: list[bool] = []
    ended = False
    second = float(stream.time_base or 0)
    h264 = stream.codec_context.name == "h264"
    header = bytes(stream.codec_context.extradata or b"")
    prefix = (header[4] & 3) + 1 if header[:1] == b"\1" and len(header) > 4 else 0
    for packet in packets_of(container, stream):
        if packet.size == 0:  # the empty one at the end, and nowhere else
            ended = True
            continue
        if ended or packet.pts is None or packet.is_corrupt:
            return None
        if times and is_no_wrap(container.format.name, times[-1] * second, packet.pts * second):
            return None
        if joined and times and abs(packet.pts - times[-1]) * second > STEP:
            return None
        last = packet.pos or 0
        discarded += packet.is_discard and bool(times)
        times.append(packet.pts)
        keys.append(packet.is_keyframe and (not h264 or IDR in nal_types(bytes(packet), prefix)))
    if joined and any(_is_another(path, stream, place) for place in (last, last + 1)):
        return None
    return None if several(path, container.format.name, last, discarded) else (times, keys)


def _is_another(path: Path, stream: VideoStream, place: int) -> bool:
    found = another_video(lambda at: open_container(path, {SKIP: str(at)}), {kind_of(stream)}, place)
    if found is not None:
        found.close()
    return found is not None


def _spans(times: list[int], keys: list[bool], length: float) -> tuple[Span, ...]:
    """Stretches that are at least `length` ticks long, but for the last."""
    shown = np.array(times, np.int64)
    if len(np.unique(shown)) != len(shown) or not keys or not keys[0]:
        return ()
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(shown)[:-1]))
    behind = np.minimum.accumulate(shown[::-1])[::-1]
    closed = np.flatnonzero(np.array(keys) & (before < shown) & (behind == shown))
    begins, last = [0], int(shown[0])
    for at in closed.tolist():
        if shown[at] - last >= length and at > 0:
            begins.append(at)
            last = int(shown[at])
    ends = [*begins[1:], len(times)]
    return tuple(Span(times[at] if at else None, end - at) for at, end in zip(begins, ends, strict=True))


def nal_types(data: bytes, prefix: int) -> set[int]:
    """Types of the NAL units in a packet of H.264.

    Args:
        data: of the packet.
        prefix: bytes of the length before each unit, as MP4 and Matroska have it; 0 where a start code is there.
    """
    types: set[int] = set()
    if prefix:
        at = 0
        while at + prefix < len(data):
            types.add(data[at + prefix] & 31)
            at += prefix + int.from_bytes(data[at : at + prefix], "big")
        return types
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        types.add(data[at + 3] & 31)
        at = data.find(b"\0\0\1", at + 3)
    return types


class SpanSource(Source):
    """One stretch of a video file: its frames, numbered from 0, with their times in the whole video."""

    def __init__(
        self, path: Path | str, span: Span, start_time: float, *, threads: int = 1, file: BinaryIO | None = None
    ) -> None:
        """Decodes the first frame.

        Args:
            path: of the file; with `file`, what messages call it.
            span: as `cut` gave it.
            start_time: seconds on the container's clock at which the video's first frame is shown, as
                `edgeseg.video.file.VideoSource` says it.
            threads: of the decoder.
            file: it itself, open, where it is not on disk; the caller closes it, after the source.

        Raises:
            SourceError: the file is missing, or no video.
            InseparableError: the stretch is not there, or cannot be decoded by itself.
        """
        container = _opened(path, file)
        try:
            self._span = span
            self._decoder = Decoder(container, str(path), threads=threads, packets=self._packets)
        except SourceError:
            container.close()
            raise
        super().__init__(str(path), fps=frame_rate(self._decoder.stream), frame_count=span.packets)
        self._start_time = start_time
        self._last = -math.inf
        self._index = 0
        try:
            self._decode_first()
        except SourceError:
            self.close()
            raise

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
        """The packets of the stretch, then the empty one that drains the decoder."""
        left = self._span.packets
        for packet in self._from_start(container, stream):
            if packet.size == 0:
                break
            yield packet
            left -= 1
            if left == 0:
                drain: Any = Packet()
                drain.stream = stream
                yield drain
                return
        raise self._missing()

    def _from_start(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
        """The packets from the first of the stretch on."""
        start = self._span.start
        if start is None:
            yield from packets_of(container, stream)
            return
        second = round(1 / stream.time_base) if stream.time_base else 1
        for seconds in BACK:
            container.seek(start - seconds * second, stream=stream, backward=True)
            packets = packets_of(container, stream)
            for packet in packets:
                if not packet.is_keyframe or packet.pts is None or packet.pts < start:
                    continue
                if packet.pts == start:
                    yield packet
                    yield from packets
                    return
                break  # where it came out lies behind
        raise self._missing()

    def _missing(self) -> InseparableError:
        start, packets = self._span
        return InseparableError(f"{self.name} has no stretch of {packets} packets at {start}; did it change?")

    def _read(self) -> Frame | None:
        started = time.perf_counter()
        if self.ended:
            return None
        try:
            decoded = self._decoder.read()
        except FFmpegError as error:
            raise InseparableError(f"{self.name} cannot be read: {error}") from error
        if self._decoder.damaged or self._decoder.mended:
            raise InseparableError(f"{self.name} is damaged")
        if self._decoder.interlaced:
            raise InseparableError(f"{self.name} is interlaced, and frames depend on those before a cut")
        if decoded is None:
            if not self._index:
                raise InseparableError(f"{self.name} has a stretch without a frame")
            self.ended = Ended("end_of_file")
            self.warnings += self._decoder.warnings
            return None
        shown = -math.inf if decoded.time is None else decoded.time - self._start_time
        if shown <= self._last:
            raise InseparableError(f"{self.name} has frames without a time of their own")
        self._last = shown
        index, self._index = self._index, self._index + 1
        return Frame(index, decoded.image, shown, started, time.perf_counter() - started)

    def close(self) -> None:
        """Closes the file. Only for the thread that reads, or after it has ended."""
        self.ended = self.ended or Ended("interrupted")
        self._decoder.close()


def _opened(path: Path | str, file: BinaryIO | None = None) -> InputContainer:
    """Raises SourceError unless the file is a video."""
    if file is None:
        check_file(Path(path))
        check_playlist(Path(path))
    try:
        options = {"protocol_whitelist": PROTOCOLS}
        return av.open(file or f"file:{path}", "r", options=options, metadata_errors="replace")
    except FFmpegError as error:
        raise SourceError(f"{path} is no video that can be decoded, expected one (MP4, MKV, AVI ...)") from error
