"""What a frame carries beside its pixels."""

from __future__ import annotations

from typing import Any

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame


def _unnamed(kind: type[Type], value: Any) -> Type:
    """A kind of side data that FFmpeg knows and PyAV does not, as EXIF."""
    member = object.__new__(kind)
    member._value_ = value
    member._name_ = f"TYPE_{value}"
    return member


# PyAV reads all that a frame carries at once: one kind that it has no name for would hide the others by a ValueError.
Type._missing_ = classmethod(_unnamed)  # type: ignore[assignment, method-assign]


def display_matrix(frame: VideoFrame) -> bytes | None:
    """The nine numbers by which a frame is turned and mirrored, as `edgeseg.video.geometry.orientation` takes them."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if matrix is None else bytes(matrix)
