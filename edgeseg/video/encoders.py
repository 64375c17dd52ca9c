"""Encoders of a recording: which containers take which codecs, and which of FFmpeg's encoders work here.

A codec has several encoders: hardware first, as far as this machine has it, then software. FFmpeg lists hardware
encoders everywhere; so one is taken only after it has encoded a frame of the recording's size. An encoder may be asked
for by its own name too, and then no other takes its place. libx264 and libx265 are under the GPL, libvpx and SVT-AV1
under licences of the BSD kind.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import OutputError, UsageError

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel
    from av.container import OutputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

AUTO = "auto"

CODECS: dict[str, tuple[str, ...]] = {
    ".mp4": ("h264", "av1", "vp9", "hevc"),
    ".mkv": ("h264", "av1", "vp9", "hevc", "vp8"),
    ".webm": ("vp9", "vp8", "av1"),
}
"""Extension: codecs that the container takes, in the order in which `AUTO` tries them."""


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders, and how it is used. None reorders frames: packets leave in order, without edit lists.

    Attributes:
        name: FFmpeg's.
        codec: what it makes.
        options: of the encoder.
        quality: the option for constant quality; None if it knows only bit rates.
        crf: the default for that option, lower is better; and its range.
        bits: per pixel, where it needs a bit rate.
        device: a pattern of its device files, None for software.
        hwaccel: FFmpeg's kind of device, where frames must be uploaded.
    """

    name: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    quality: str | None = "crf"
    crf: int = 20
    crf_range: tuple[int, int] = (0, 51)
    bits: float = 0.0
    device: str | None = None
    hwaccel: str | None = None


_NVENC = {"preset": "p4", "rc": "vbr", "bf": "0", "forced-idr": "1"}
_VAAPI = {"rc_mode": "CQP", "bf": "0"}
_VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
_NVIDIA, _V4L2, _DRM = "/dev/nvidia[0-9]*", "/dev/video1[0-9]", "/dev/dri/renderD*"

ENCODERS = (
    Encoder("h264_nvenc", "h264", _NVENC, "cq", 23, device=_NVIDIA),
    Encoder("h264_v4l2m2m", "h264", {}, None, bits=0.15, device=_V4L2),
    Encoder("h264_vaapi", "h264", _VAAPI, "qp", 23, device=_DRM, hwaccel="vaapi"),
    Encoder("libx264", "h264", {"preset": "superfast", "bf": "0"}, crf=20),
    Encoder("libopenh264", "h264", {"rc_mode": "quality"}, None, bits=0.15),
    Encoder("hevc_nvenc", "hevc", _NVENC, "cq", 26, device=_NVIDIA),
    Encoder("hevc_v4l2m2m", "hevc", {}, None, bits=0.1, device=_V4L2),
    Encoder("hevc_vaapi", "hevc", _VAAPI, "qp", 26, device=_DRM, hwaccel="vaapi"),
    Encoder("libx265", "hevc", {"preset": "superfast", "x265-params": "bframes=0:log-level=none"}, crf=24),
    Encoder("libvpx-vp9", "vp9", {**_VPX, "row-mt": "1", "b": "0"}, crf=32, crf_range=(0, 63)),
    Encoder("libvpx", "vp8", _VPX, crf=10, crf_range=(4, 63), bits=1.0),
    Encoder("av1_nvenc", "av1", _NVENC, "cq", 30, device=_NVIDIA),
    Encoder("libsvtav1", "av1", {"preset": "10", "svtav1-params": "pred-struct=1:rtc=1"}, crf=35, crf_range=(0, 63)),
)


@dataclass(frozen=True)
class Picture:
    """What an encoder is opened for: frames of `width` x `height` pixels (both even), `rate` a second, and quality."""

    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    crf: int | None = None


def choose(suffix: str, codec: str, picture: Picture, *, hardware: bool = True) -> tuple[Encoder, list[str]]:
    """The encoder for a file, and a sentence for each that should have come before it and does not work.

    Args:
        suffix: of the file.
        codec: `AUTO`, a codec or an encoder's name.
        picture: what is to be encoded.
        hardware: for `AUTO` or a codec, try that of this machine before software.

    Raises:
        UsageError: the codec is unknown, the container does not take it, or --crf does not go with it.
        OutputError: FFmpeg has no encoder for it that works here.
    """
    codecs = CODECS[suffix]
    names = codecs if codec == AUTO else (codec,)
    candidates = [each for name in names for each in ENCODERS if name in (each.codec, each.name)]
    if not candidates:
        all_codecs = dict.fromkeys(each.codec for each in ENCODERS)
        raise UsageError(
            f"codec {codec!r} is unknown, expected {AUTO}, {', '.join(all_codecs)}, or one of "
            f"{', '.join(each.name for each in ENCODERS)}"
        )
    if candidates[0].codec not in codecs:
        raise UsageError(f"a {suffix} file does not take {candidates[0].codec}; it takes {', '.join(codecs)}")
    obstacles: dict[str, str] = {}
    for encoder in candidates:
        if not (hardware or encoder.device is None or encoder.name == codec):
            continue
        obstacle = _obstacle(encoder, picture)
        if obstacle is None:
            _check_quality(encoder, picture.crf)
            return encoder, [
                f"{name} does not work here ({reason}); {encoder.name} encodes" for name, reason in obstacles.items()
            ]
        if encoder.device is None or glob.glob(encoder.device) or encoder.name == codec:  # noqa: PTH207
            obstacles[encoder.name] = obstacle
    reasons = "; ".join(f"{name}: {reason}" for name, reason in obstacles.items())
    raise OutputError(f"no encoder for {codec} works here ({reasons}); choose another --codec or container")


def usable_encoders() -> list[str]:
    """Names of the encoders that can be used here, hardware first for each codec."""
    picture = Picture(640, 480, Fraction(25), Fraction(1, 1000))
    return [encoder.name for encoder in ENCODERS if _obstacle(encoder, picture) is None]


def add_stream(container: OutputContainer, encoder: Encoder, picture: Picture) -> VideoStream:
    """Adds a stream of that encoder to a file, configured and not yet open.

    Raises:
        ValueError: FFmpeg or PyAV does not know it.
    """
    options: dict[str, Any] = {"rate": picture.rate, "options": _options(encoder, picture), **_device(encoder)}
    stream = cast("VideoStream", container.add_stream(encoder.name, **options))
    _configure(stream.codec_context, encoder, picture)
    stream.time_base = picture.time_base
    return stream


def _obstacle(encoder: Encoder, picture: Picture) -> str | None:
    """Why it cannot be used here; hardware is asked for a frame."""
    import av

    if encoder.name not in av.codec.codecs_available:
        return "FFmpeg is built without it"
    os.environ.setdefault("SVT_LOG", "1")  # errors alone: SVT-AV1 writes its settings on stderr
    if encoder.device is None:
        return None
    try:
        context = cast("VideoCodecContext", av.CodecContext.create(encoder.name, "w", **_device(encoder)))
        context.options = _options(encoder, picture)
        _configure(context, encoder, picture)
        context.framerate = picture.rate
        frame = av.VideoFrame(picture.width, picture.height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = 0, picture.time_base
        packets = [*context.encode(frame), *context.encode(None)]
    except Exception as error:  # whatever a driver, FFmpeg or an older PyAV has against it
        return str(getattr(error, "strerror", None) or error)
    return None if packets else "it gave nothing for a frame"


def yuv_frame(image: Image) -> VideoFrame:
    """A BGR uint8 (H, W, 3) image as encoders take it; an odd size gains a copy of the last column or row."""
    import av

    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
    # OpenCV converts eight times faster than swscale; both mean BT.601, limited range.
    yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return av.VideoFrame.from_ndarray(np.asarray(yuv, np.uint8), format="yuv420p")


def _configure(context: VideoCodecContext, encoder: Encoder, picture: Picture) -> None:
    context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuv420p"
    context.time_base = picture.time_base
    context.sample_aspect_ratio = Fraction(1)
    context.thread_count = 2
    if encoder.bits:
        context.bit_rate = round(encoder.bits * picture.width * picture.height * min(float(picture.rate), 60.0))
    # BT.601, limited range, as frames are converted.
    context.colorspace = context.color_primaries = context.color_trc = 6
    context.color_range = 1


def _options(encoder: Encoder, picture: Picture) -> dict[str, str]:
    options = {**encoder.options, "g": str(min(300, max(1, round(picture.rate))))}
    if encoder.quality:
        options[encoder.quality] = str(encoder.crf if picture.crf is None else picture.crf)
    return options


def _device(encoder: Encoder) -> dict[str, HWAccel]:
    """Keywords by which PyAV (from 18 on) uploads frames to a device."""
    if encoder.hwaccel is None or encoder.device is None:
        return {}
    from av.codec.hwaccel import HWAccel

    return {"hwaccel": HWAccel(encoder.hwaccel, min(glob.glob(encoder.device)))}  # noqa: PTH207


def _check_quality(encoder: Encoder, crf: int | None) -> None:
    low, high = encoder.crf_range
    if crf is None:
        return
    if encoder.quality is None:
        raise UsageError(f"{encoder.name} knows bit rates and no constant quality; leave out --crf, or choose --codec")
    if not low <= crf <= high:
        raise UsageError(f"--crf is {crf}, expected {low} (best) to {high} (smallest file) for {encoder.name}")
