"""The masks of a video as a video: PNG in QuickTime, a track of class ids, or one for each label that may overlap.

    for seconds, mask in read_masks("cam.mp4/masks.mov"):
        mask                   # uint8 (H, W) class ids

Each packet is a grey PNG, the file that `edgeseg run --masks` writes for that frame, of that frame's size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.packet import Packet

from edgeseg.arrays import Mask
from edgeseg.errors import SourceError
from edgeseg.spec import Spec
from edgeseg.video.source import NOMINAL_FPS

CLASSES = "edgeseg_classes"
"""The file's metadata that hold the class table, as JSON."""

OPTIONS = {"fflags": "+bitexact", "movflags": "use_metadata_tags"}
"""Of the muxer: the same bytes for the same masks, and metadata of other names than the format's own."""

TICK = Fraction(1, 90000)
"""Of the times, in seconds."""


def class_table(spec: Spec) -> list[dict[str, Any]]:
    """Id, name and colour (red, green, blue) of each class; of labels that may overlap, the id is the track's."""
    return [
        {"id": number, "name": name, "colour": list(colour)}
        for number, (name, colour) in enumerate(zip(spec.classes, spec.palette, strict=True))
    ]


class MaskVideo:
    """Writes masks. The same masks give the same bytes."""

    def __init__(self, path: Path, spec: Spec, width: int, height: int, fps: Fraction | None) -> None:
        """Opens the file.

        Args:
            path: where it lies; it need not end in .mov.
            spec: whose classes they are.
            width: of the first mask, in pixels.
            height: of the first mask, in pixels.
            fps: the rate that the video announces, None if none; times decide.
        """
        self._container = av.open(f"file:{path}", "w", format="mov", options=OPTIONS)
        self._container.metadata[CLASSES] = json.dumps(class_table(spec))
        self._streams = []
        for title in [""] if spec.head.exclusive else spec.classes:
            stream: Any = self._container.add_mux_stream("png", fps or NOMINAL_FPS, width=width, height=height)
            stream.time_base = TICK
            if title:
                stream.metadata["handler_name"] = title
            self._streams.append(stream)
        self._last = -1

    def write(self, pictures: Sequence[bytes], seconds: float) -> None:
        """Adds the masks of a frame, a PNG a track, at `seconds`, or a tick after the frame before."""
        self._last = max(self._last + 1, round(seconds / TICK))
        for stream, picture in zip(self._streams, pictures, strict=True):
            packet: Packet[Any] = Packet(picture)
            packet.stream, packet.time_base, packet.is_keyframe = stream, TICK, True
            packet.pts = packet.dts = self._last
            self._container.mux(packet)

    def __enter__(self) -> MaskVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()


def read_masks(path: str | Path) -> Iterator[tuple[float, Mask]]:
    """Time and mask of each frame, in order.

    Yields:
        Seconds since the video's first frame, to 1/90000; and class ids, uint8 (H, W), or of labels that may
        overlap uint8 (L, H, W), 1 where one holds.

    Raises:
        SourceError: the file is missing, or no video of masks.
    """
    try:
        with av.open(f"file:{path}") as container:
            if CLASSES not in container.metadata:
                raise SourceError(f"{path} holds no masks of edgeseg, expected a masks.mov of edgeseg batch")
            tracks = len(container.streams.video)
            planes: list[Mask] = []
            for packet in container.demux(video=0) if tracks == 1 else container.demux(container.streams.video):
                if packet.size == 0:
                    continue
                planes.append(_picture(path, bytes(packet)))
                if len(planes) == tracks:
                    assert packet.pts is not None
                    seconds = float(packet.pts * (packet.time_base or TICK))
                    yield seconds, planes[0] if tracks == 1 else (np.stack(planes) != 0).astype(np.uint8)
                    planes = []
    except av.FFmpegError as error:
        raise SourceError(f"{path} is no video of masks that can be read ({error}); segment it again") from error


def read_classes(path: str | Path) -> list[dict[str, Any]]:
    """Id, name and colour (red, green, blue) of each class in a video of masks.

    Raises:
        SourceError: the file is missing, or no video of masks.
    """
    try:
        with av.open(f"file:{path}") as container:
            classes: list[dict[str, Any]] = json.loads(container.metadata[CLASSES])
            return classes
    except (av.FFmpegError, KeyError, ValueError) as error:
        raise SourceError(f"{path} is no video of masks that can be read; segment it again") from error


def _picture(path: str | Path, data: bytes) -> Mask:
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if mask is None or mask.dtype != np.uint8 or mask.ndim != 2:
        raise SourceError(f"{path} holds a picture that is no mask; segment it again")
    return np.asarray(mask, np.uint8)
