"""Progressive frames from interlaced ones: one for each interlaced frame, by FFmpeg's bwdif filter.

An interlaced frame holds two moments, in its odd and in its even lines: whatever moves is torn into a comb, which a
network has not learned.
"""

from __future__ import annotations

import av
from av.filter import Graph
from av.video.frame import VideoFrame


class Deinterlacer:
    """Passes frames of one size and format through; those that say they are interlaced become progressive.

    Each frame leaves one later than it came, for the filter looks at its neighbours.
    """

    def __init__(self, frame: VideoFrame) -> None:
        """Prepares the filter for frames like this one."""
        self._kind = _kind(frame)
        assert frame.time_base is not None
        self._graph = Graph()
        source = self._graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:pixel_aspect=1/1"
            f":time_base={frame.time_base.numerator}/{frame.time_base.denominator}"
            f":colorspace={int(frame.colorspace)}:range={int(frame.color_range)}",
        )
        steps = [source, self._graph.add("bwdif", "mode=send_frame:deint=interlaced"), self._graph.add("buffersink")]
        self._graph.link_nodes(*steps)
        self._graph.configure()

    def fits(self, frame: VideoFrame) -> bool:
        """Whether the frame has the size, format and colours that this filter was made for."""
        return _kind(frame) == self._kind

    def push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Takes a frame, or None for the end, and gives those that are ready."""
        self._graph.vpush(frame)
        ready: list[VideoFrame] = []
        try:
            while True:
                ready.append(self._graph.vpull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return ready


def _kind(frame: VideoFrame) -> tuple[int, int, str, int, int]:
    return frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range)
