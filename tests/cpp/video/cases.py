"""Videos of every kind: what they are written as, and pictures full of noise, which no other rounding survives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edgeseg.arrays import Image
from edgeseg.video import scheduling


@dataclass(frozen=True)
class Case:
    """A video to be written.

    Attributes:
        codec: FFmpeg's encoder.
        suffix: of the container.
        size: width and height as stored, in pixels.
        format: of the pixels.
        options: of the encoder.
        facts: of the codec's context, such as its colours.
        turn: a, b, c, d of the display matrix.
        times: of the frames, in milliseconds.
    """

    codec: str = "ffv1"
    suffix: str = ".mkv"
    size: tuple[int, int] = (96, 64)
    format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    turn: tuple[int, int, int, int] | None = None
    times: tuple[int, ...] = (0, 40, 80, 120)


H264 = Case("libx264", ".mp4", options={"crf": "12", "preset": "veryfast"})

LIMITED, FULL = 1, 2

HLG = 18

RGB, BT709, BT601, YCGCO, BT2020, BT2020_CONSTANT = 0, 1, 6, 8, 9, 10

QUARTER, HALF, THREE, MIRROR, TRANSVERSE = (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (0, -1, -1, 0)

CASES = {
    "h264": H264,
    "h264 in mkv": replace(H264, suffix=".mkv"),
    "h264 in ts": replace(H264, suffix=".ts"),
    "h264 in avi": replace(H264, suffix=".avi"),
    "h264 of 10 bits": replace(H264, format="yuv420p10le"),
    "h264 422": replace(H264, format="yuv422p"),
    "h264 444": replace(H264, format="yuv444p"),
    "h264 grey": replace(H264, format="gray"),
    "h264 full range": replace(H264, facts={"color_range": FULL, "colorspace": BT709}),
    "h264 BT.709": replace(H264, facts={"color_range": LIMITED, "colorspace": BT709}),
    "h264 BT.2020 of 10 bits": replace(
        H264, format="yuv420p10le", facts={"color_range": LIMITED, "colorspace": BT2020}
    ),
    "hevc": Case("libx265", ".mp4", options={"x265-params": "log-level=none"}),
    "vp8": Case("libvpx", ".mkv"),
    "vp9": Case("libvpx-vp9", ".webm", options={"deadline": "realtime", "cpu-used": "8"}),
    "av1": Case("libsvtav1", ".mp4", options={"preset": "12"}),
    "mpeg4": Case("mpeg4", ".avi"),
    "mpeg2": Case("mpeg2video", ".ts"),
    "mjpeg": Case("mjpeg", ".avi", format="yuvj420p"),
    "mjpeg 422": Case("mjpeg", ".mkv", format="yuvj422p"),
    "mjpeg 444": Case("mjpeg", ".mov", format="yuvj444p"),
    "prores": Case("prores", ".mov", format="yuv422p10le"),
    "odd sides": Case(size=(65, 49)),
    "odd sides 422": Case(size=(65, 49), format="yuv422p"),
    "odd sides 444": Case(size=(65, 49), format="yuv444p"),
    "odd sides bgr": Case(size=(65, 49), format="bgr0"),
    "odd height": Case(size=(64, 49)),
    "odd sides 411": Case(size=(65, 49), format="yuv411p"),
    "two pixels": Case(size=(2, 2)),
    "odd sides BT.709": Case(size=(65, 49), facts={"color_range": LIMITED, "colorspace": BT709}),
    "odd sides full range": Case(size=(65, 49), facts={"color_range": FULL, "colorspace": BT601}),
    "BT.2020 of constant luminance": Case(facts={"color_range": LIMITED, "colorspace": BT2020_CONSTANT}),
    "HDR": Case(format="yuv444p10le", facts={"color_range": LIMITED, "colorspace": BT2020, "color_trc": HLG}),
    "luma and chroma that call themselves RGB": Case(facts={"color_range": LIMITED, "colorspace": RGB}),
    "grey that names a matrix": Case(format="gray", facts={"color_range": FULL, "colorspace": YCGCO}),
    "grey": Case(format="gray"),
    "grey of 10 bits": Case(format="gray10le"),
    "grey of limited range": Case(format="gray", facts={"color_range": LIMITED}),
    "grey of 10 bits and limited range": Case(format="gray10le", facts={"color_range": LIMITED}),
    "grey of 16 bits": Case(format="gray16le"),
    "10 bits": Case(format="yuv420p10le"),
    "12 bits 422": Case(format="yuv422p12le"),
    "16 bits 444": Case(format="yuv444p16le"),
    "alpha": Case(format="yuva420p"),
    "bgra": Case(format="bgra"),
    "rgb of 16 bits": Case(format="rgb48le"),
    "planes of rgb": Case(format="gbrp10le"),
    "raw bgr": Case("rawvideo", ".avi", format="bgr24"),
    "raw nv12": Case("rawvideo", ".nut", format="nv12"),
    "raw yuyv": Case("rawvideo", ".nut", format="yuyv422"),
    "raw uyvy": Case("rawvideo", ".nut", format="uyvy422"),
    "raw rgb24": Case("rawvideo", ".nut", format="rgb24"),
    "raw grey of odd sides": Case("rawvideo", ".nut", (65, 49), "gray"),
    "wide pixels": replace(H264, facts={"sample_aspect_ratio": Fraction(2)}),
    "high pixels": replace(H264, facts={"sample_aspect_ratio": Fraction(8, 11)}),
    "wide pixels to an odd width": replace(H264, facts={"sample_aspect_ratio": Fraction(12, 11)}),
    "wide pixels 422 of 10 bits": Case(format="yuv422p10le", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide pixels bgr": Case(format="bgr0", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide grey pixels": Case(format="gray", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide pixels, BT.709, full range": Case(
        facts={"sample_aspect_ratio": Fraction(3, 2), "color_range": FULL, "colorspace": BT709}
    ),
    "an aspect that cannot be": Case(facts={"sample_aspect_ratio": Fraction(9)}),
    "nearly square pixels": Case(facts={"sample_aspect_ratio": Fraction(201, 200)}),
    "a quarter turn": replace(H264, turn=QUARTER),
    "a half turn": replace(H264, turn=HALF),
    "three quarters": replace(H264, turn=THREE),
    "mirrored": replace(H264, turn=MIRROR),
    "mirrored and turned": replace(H264, turn=TRANSVERSE),
    "a quarter turn of wide pixels": replace(H264, turn=QUARTER, facts={"sample_aspect_ratio": Fraction(2)}),
    "a turn of odd sides": Case(size=(65, 49), format="bgr0", turn=THREE),
    "an uneven rate": Case(times=(0, 40, 41, 400, 2000, 2033)),
    "b-frames": Case("libx264", ".mp4", options={"bf": "3"}, times=tuple(range(0, 400, 40))),
    "b-frames in avi": Case("mpeg4", ".avi", options={"bf": "2"}, times=tuple(range(0, 400, 40))),
    "interlaced mpeg2": Case("mpeg2video", ".ts", options={"flags": "+ildct+ilme"}),
    "interlaced h264": Case("libx264", ".mp4", options={"x264-params": "tff=1"}),
    "interlaced of odd width": Case("libx264", ".mp4", (66, 64), options={"x264-params": "bff=1"}),
}


def noise(size: tuple[int, int], number: int) -> Image:
    """A picture with every level of every colour, soft and sharp edges, that moves."""
    width, height = size
    chance = np.random.default_rng(number)
    soft = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[..., None] + np.array([0, 85, 170]) + 9 * number
    picture = soft % 256
    picture[height // 3 : height // 2, width // 4 :] = chance.integers(0, 256, 3)
    picture[height // 2 :, : width // 2] = chance.integers(0, 256, (height - height // 2, width // 2, 3))
    return np.asarray(picture, np.uint8)


def write(path: Path, case: Case) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(case.codec, rate=25, options=dict(case.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = case.size
        stream.pix_fmt = case.format
        stream.thread_count = 1
        for name, value in case.facts.items():
            setattr(stream.codec_context, name, value)
        if case.codec == "ffv1":  # whose times are as fine as those of the container
            stream.codec_context.time_base = Fraction(1, 1000)
        if case.turn is not None:
            if not hasattr(stream, "set_display_matrix"):
                pytest.skip("PyAV before 18 writes no display matrix")
            a, b, c, d = (value * 65536 for value in case.turn)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        with scheduling.unchanged():
            container.start_encoding()
        for number, at in enumerate(case.times):
            frame = av.VideoFrame.from_ndarray(noise(case.size, number), "bgr24").reformat(format=case.format)
            for name in ("color_range", "colorspace"):
                if name in case.facts:
                    setattr(frame, name, case.facts[name])
            frame.pts, frame.time_base = (at, Fraction(1, 1000)) if case.codec == "ffv1" else (number, Fraction(1, 25))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
