"""Videos of any length, from one at hand."""

from __future__ import annotations

from pathlib import Path

import av

CLIP_PACKETS = 60
"""Frames of a clip: two groups of pictures, and less than two pieces."""


def repeat(video: Path, out: Path, copies: int, packets: int | None = None) -> int:
    """Copies a video's stream, or its first packets, so many times into one file; its frames."""
    count = 0
    with av.open(str(out), "w") as container:
        with av.open(str(video)) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
        for _ in range(copies):
            begin = count
            with av.open(str(video)) as source:
                template = source.streams.video[0]
                assert template.time_base is not None
                assert template.average_rate is not None
                period = round(1 / template.average_rate / template.time_base)
                for packet in source.demux(template):
                    if packet.size == 0 or count - begin == packets:
                        break
                    assert packet.pts is not None
                    assert packet.dts is not None
                    packet.pts += begin * period
                    packet.dts += begin * period
                    packet.stream = stream
                    container.mux(packet)
                    count += 1
    return count
