"""FFmpeg's decoder, through PyAV: a container's best video stream as BGR frames in the shape they are meant to be seen.

What the file says about itself is kept: matrix and range of the colours, the shape of the pixels, turned and mirrored
pictures, the time of each frame, both fields of interlaced ones. A change of size is followed.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from edgeseg.arrays import Image
from edgeseg.counted import counted
from edgeseg.errors import LostError
from edgeseg.picture import max_pixels
from edgeseg.video.colours import HDR, full_range, settle_matrix, unused_bits
from edgeseg.video.deinterlace import Deinterlacer
from edgeseg.video.geometry import UPRIGHT, Orientation, orientation, oriented, square_size
from edgeseg.video.sequences import CODECS, Sequences, is_header
from edgeseg.video.side_data import display_matrix
from edgeseg.video.streams import best_stream


def packets_of(container: InputContainer, *streams: Stream) -> Iterator[Packet[Any]]:
    """The packets of streams, as `container.demux` gives them, and an empty one at the end of each.

    In MPEG-TS streams may turn up late, damaged ones too. PyAV does not know their packets, and breaks off there.
    """
    while True:
        try:
            yield from container.demux(*streams)
        except IndexError:
            continue
        return


class Decoded(NamedTuple):
    """One frame.

    Attributes:
        image: BGR uint8 (H, W, 3), upright, square pixels.
        time: seconds on the container's clock, None where it has no time.
        arrived: time.perf_counter() when its packet came, before decoding.
        seconds: spent decoding it, waits for packets left out.
    """

    image: Image
    time: float | None
    arrived: float
    seconds: float


class Decoder:
    """Decodes an open container to its end, frame by frame.

    Attributes:
        stream: what is decoded.
        damaged: packets that could not be decoded so far.
        mended: frames so far in which the decoder filled in what was damaged or missing.
        lasting: seconds that the frame which was given last is to be shown; 0 where they are not known.
        interlaced: a frame came that is two fields; from there on frames depend on their neighbours.
        begins: seconds on the container's clock of the first packet that has a time; None before it.
        discarded: packets so far, behind the first that is shown, that the container says are not to be shown.
        position: byte at which the last packet begins that became a frame; -1 before the first.
        warnings: one sentence for each thing that the video says of itself and that cannot be followed.
    """

    def __init__(
        self,
        container: InputContainer,
        name: str,
        *,
        threads: int,
        packets: Callable[[InputContainer, VideoStream], Iterator[Packet[VideoStream]]] | None = None,
    ) -> None:
        """Chooses the stream.

        Args:
            container: an open one, which `close` closes.
            name: for messages.
            threads: of the decoder; more than one decodes ahead.
            packets: gives those to decode, an empty one last, in place of all that the container holds. What of them
                is in any way wrong is then damaged.

        Raises:
            SourceError: it holds no video, or one that this FFmpeg cannot decode.
        """
        self.damaged = self.mended = self.discarded = 0
        self._shows = False  # once a packet came that is to be shown
        self.lasting = 0.0
        self.interlaced = False
        self.begins: float | None = None
        self.position = -1
        self.warnings: list[str] = []
        self._name = name
        self._threads = threads
        self._begin(container)
        if packets is not None:
            self._packets = packets(container, self.stream)
            self._codec.options |= {"err_detect": "explode"}
        self._frames: deque[VideoFrame] = deque()
        self._converter = VideoReformatter()
        self._deinterlacer: Deinterlacer | None = None
        self._seconds = 0.0  # spent on frames that are not yet given
        self._brightest = 0  # level, of 255, of frames of 16 bits a sample

    def _begin(self, container: InputContainer) -> None:
        """Chooses the stream, and what decodes it."""
        self.stream = best_stream(container, self._name)
        self._container = container
        self._codec = self.stream.codec_context
        self._codec.thread_count = self._threads
        self._codec.thread_type = "AUTO" if self._threads > 1 else "NONE"
        self._codec.copy_opaque = True  # each frame carries the arrival of its packet
        self._codec.options = {"max_pixels": str(max_pixels())}
        self._sequences = Sequences() if self._codec.name in CODECS else None
        self._aspect = self._codec.sample_aspect_ratio
        self._packets = self._all_packets()
        self._first: int | None = None  # time of the first key frame, of HEVC; leading pictures are shown before it
        self._due = 0  # frames of HEVC that packets came for and that were not given
        self._stored = (0, 0)  # size of the frames as they are stored, then what is made of it
        self._size = (0, 0)
        self._turn = UPRIGHT

    def read(self, *, patience: float = math.inf) -> Decoded | None:
        """The next frame that can be decoded; None at the end.

        Args:
            patience: seconds that packets may come without one of them giving a frame.

        Raises:
            FFmpegError: the container cannot be read here; the next call tries to go on behind it.
            LostError: the patience is at its end.
        """
        since: float | None = None  # the first packet came that gave no frame; silence is no damage
        while not self._frames:
            packet = self._next_packet()
            started = time.perf_counter()
            since = started if since is None else since
            if started - since > patience:
                raise LostError(
                    f"sends data, but gave no frame that can be decoded for {started - since:.1f} s", cause="damaged"
                )
            if packet is not None:
                self._shows = self._shows or not packet.is_discard
                self.discarded += self._shows and packet.is_discard
                packet.opaque = started, packet.pos
                if self.begins is None and packet.pts is not None and packet.time_base is not None:
                    self.begins = float(packet.pts * packet.time_base)
                self._expect(packet)
                self._decode(packet)
            elif self._deinterlacer is not None:
                self._frames.extend(self._deinterlacer.push(None))
                self._deinterlacer = None
            else:
                self._judge()
                return None
            self._seconds += time.perf_counter() - started
        frame = self._frames.popleft()
        started = time.perf_counter()
        arrived = frame.opaque[0] if isinstance(frame.opaque, tuple) else started
        image = self._picture(frame)
        seconds, self._seconds = self._seconds + time.perf_counter() - started, 0.0
        # AVI stores no times of presentation: those that FFmpeg derives go to and fro where frames are reordered.
        timed = not (self._container.format.name == "avi" and self._codec.has_b_frames)
        base = frame.time_base or self.stream.time_base  # a frame that was drained may lack it
        at = float(frame.pts * base) if timed and frame.pts is not None and base is not None else None
        self.lasting = float(frame.duration * base) if base is not None else 0.0
        return Decoded(image, at, arrived, seconds)

    def finish(self) -> None:
        """Says that no packets come any more: what the decoder still holds is all that `read` gives."""
        self._packets = iter(())
        self._take(self._codec.decode(None))

    def close(self) -> None:
        """Closes the container; more calls do nothing."""
        self._frames.clear()
        self._container.close()

    def _judge(self) -> None:
        """Warns, at the end, of what only all frames together show."""
        if (sentence := unused_bits(self._brightest)) is not None:
            self._warn(sentence)
        if self._due > 0:
            self._warn(f"is damaged: FFmpeg left out {counted(self._due, 'frame')}, for lack of frames before")

    def _next_packet(self) -> Packet[VideoStream] | None:
        """The next packet, an empty one that drains the decoder, then None."""
        try:
            return next(self._packets, None)
        except FFmpegError:
            self._packets = self._all_packets()  # a generator that has raised is at its end
            raise

    def _all_packets(self) -> Iterator[Packet[VideoStream]]:
        return packets_of(self._container, self.stream)

    def _expect(self, packet: Packet[VideoStream]) -> None:
        """Counts the frame of a packet of HEVC, which holds one; the decoder drops some without an error.

        Those that come before the first key frame, or are shown before it, belong to what was before the file.
        """
        if self._codec.name != "hevc" or not packet.size or packet.is_discard:
            return
        if self._first is None and packet.is_keyframe:
            self._first = packet.pts or 0
        self._due += self._first is not None and (packet.pts is None or packet.pts >= self._first)

    def _decode(self, packet: Packet[VideoStream]) -> None:
        try:
            if self._sequences is not None and self._sequences.changes_at(packet):
                self._take(self._codec.decode(None))
                self._codec.flush_buffers()
            self._take(packet.decode())
        except FFmpegError:
            self.damaged += not is_header(packet)

    def _take(self, frames: list[VideoFrame]) -> None:
        for frame in frames:
            self.mended += frame.is_corrupt
            self._due -= self._codec.name == "hevc"
            if isinstance(frame.opaque, tuple) and frame.opaque[1] is not None:
                self.position = max(self.position, frame.opaque[1])
            self._frames.extend(self._progressive(frame))

    def _progressive(self, frame: VideoFrame) -> list[VideoFrame]:
        """The frame itself, or what the filter has ready once an interlaced one has come."""
        if self._deinterlacer is None and not frame.interlaced_frame:
            return [frame]
        self.interlaced = True
        ready: list[VideoFrame] = []
        if self._deinterlacer is None or not self._deinterlacer.fits(frame):
            if self._deinterlacer is not None:
                ready = self._deinterlacer.push(None)
            self._deinterlacer = Deinterlacer(frame)
        return ready + self._deinterlacer.push(frame)

    def _picture(self, frame: VideoFrame) -> Image:
        """The frame in BGR, by the matrix and range it names; in square pixels, upright."""
        stored = (frame.width, frame.height)
        if frame.key_frame or stored != self._stored:  # what a video says of itself changes nowhere else
            self._stored = stored
            self._size = square_size(*stored, self._pixel_aspect())
            self._turn = self._orientation(frame)
            if transfer := HDR.get(int(frame.color_trc)):
                self._warn(
                    f"is HDR ({transfer}): its frames are given as they are stored, paler than a network has learned; "
                    "convert it to SDR"
                )
        width, height = self._size
        settle_matrix(frame, self._name)
        bgr = self._converter.reformat(frame, width, height, "bgr24", threads=1)
        plane: Any = bgr.planes[0]  # a buffer, though its type does not say so
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : 3 * width]
        image = np.ascontiguousarray(rows).reshape(height, width, 3)
        if bgr is frame:
            image = image.copy()  # the decoder may still look at its own
        if frame.format.components[0].bits == 16:
            self._brightest = max(self._brightest, int(image.max()))
        return oriented(full_range(image, frame), self._turn)

    def _pixel_aspect(self) -> Fraction | None:
        """The container's word first, until the codec changes its own in mid-stream."""
        current = self._codec.sample_aspect_ratio
        return self.stream.sample_aspect_ratio if current == self._aspect else current

    def _orientation(self, frame: VideoFrame) -> Orientation:
        matrix = display_matrix(frame)
        if matrix is None:
            return UPRIGHT
        found = orientation(matrix)
        if found is None:
            self._warn("is turned by an angle that is no quarter; its frames are given as they are stored")
        return found or UPRIGHT

    def _warn(self, what: str) -> None:
        warning = f"{self._name} {what}"
        if warning not in self.warnings:
            self.warnings.append(warning)
