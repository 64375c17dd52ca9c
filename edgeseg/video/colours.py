"""The matrix by which a frame's luma and chroma become colours (MatrixCoefficients of ITU-T H.273)."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from edgeseg.errors import SourceError

_BT2020_CONSTANT = 10

_UNKNOWN = frozenset({8, *range(11, 18)})
"""YCgCo, ICtCp and others, which swscale would take for BT.601."""


def matrix_of(frame: VideoFrame, name: str) -> Colorspace | None:
    """What the converter has to be told; None: what the frame says.

    Args:
        frame: as it was decoded.
        name: of the source, for messages.

    Raises:
        SourceError: it names a matrix that FFmpeg's converter does not know.
    """
    matrix = int(frame.colorspace)
    if matrix == _BT2020_CONSTANT:
        return Colorspace.BT2020  # whose coefficients these are; FFmpeg 8 no longer takes it for that
    form = frame.format
    coloured = len(form.components) >= 3 and not (form.is_rgb or form.has_palette)
    if coloured and matrix in _UNKNOWN:
        raise SourceError(
            f"{name} names the colour matrix {matrix} (of ITU-T H.273), which FFmpeg's converter does not know; "
            "convert it, for instance with ffmpeg -vf zscale=matrix=709"
        )
    return None
