"""Videos as servers send them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer

LIVE = {"flv": {}, "mp4": {"movflags": "empty_moov+frag_keyframe+default_base_moof"}}
"""Formats of live streams that announce a length, with FFmpeg's options."""

UNANNOUNCED = {"matroska": "libx264", "webm": "libvpx", "h264": "libx264"}
"""Formats that announce no length where they are written so, and what is in them: of browsers, of cameras."""

FRAMES = 50
"""Of a video that is pushed."""


def pushed(format: str, options: dict[str, str] | None = None, codec: str = "libx264") -> bytes:
    """A video as it is sent while it is filmed: what comes first cannot know how long it gets."""

    class Sent(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            sent.extend(data)
            return len(data)

    sent = bytearray()
    with av.open(Sent(), "w", format=format, options=options) as container:
        _encode(container, FRAMES, key_frame_every=10, codec=codec)
    return bytes(sent)


def whole_mp4(video: Path) -> bytes:
    """The video as an MP4 that begins with its index."""
    target = video.with_name("whole.mp4")
    with av.open(str(video)) as source, av.open(str(target), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return target.read_bytes()


def write_hls(folder: Path, *, encrypted: bool = False) -> None:
    """Six segments of a second, 0.ts and so on, and the playlist that names them; their key is in hls.key."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": str(folder / "%d.ts")}
    if encrypted:
        (folder / "hls.key").write_bytes(bytes(range(16)))
        (folder / "key").write_text(f"hls.key\n{folder / 'hls.key'}\n")
        options["hls_key_info_file"] = str(folder / "key")
    with av.open(str(folder / "list.m3u8"), "w", format="hls", options=options) as container:
        _encode(container, 150, key_frame_every=25)


def _encode(container: OutputContainer, frames: int, *, key_frame_every: int, codec: str = "libx264") -> None:
    """Black frames, 25 a second."""
    options = {"g": str(key_frame_every), **({"tune": "zerolatency"} if codec == "libx264" else {})}
    stream = container.add_stream(codec, rate=25, options=options)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for _ in range(frames):
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
