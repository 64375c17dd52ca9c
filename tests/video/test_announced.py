"""What containers announce of a video, where their writer could not go back to complete the header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source

PIPED = {"avi": "mpeg4", "ivf": "libvpx"}
"""Containers whose header holds a placeholder then, with a codec each."""

FRAMES = 50


class Pipe:
    """A file that can only be written from the beginning to the end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


def write_piped(path: Path, codec: str) -> None:
    pipe = Pipe(path)
    with av.open(pipe, "w", format=path.suffix[1:]) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(FRAMES):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    pipe.close()


@pytest.mark.parametrize("container", PIPED)
def test_a_length_that_was_never_written_is_not_missed(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container}"
    write_piped(path, PIPED[container])
    with open_source(path) as source:
        assert isinstance(source, VideoSource)
        assert (source.length, source.frame_count) == (None, None)
        assert len(list(source)) == FRAMES
        assert source.warnings == []
        assert not source.ended_early
