"""What edgeseg-run's reader and Python's make of a file, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgeseg.arrays import Image
from edgeseg.errors import SourceError
from edgeseg.video.open import open_source

SECONDS = 60.0
"""After which a test gives up."""


@dataclass
class Video:
    """What a reader made of a file: frames and their times, the announced rate, warnings."""

    frames: list[Image]
    times: list[float]
    fps: float
    warnings: list[str]


def python(path: Path, threads: int = 1) -> Video:
    with open_source(path, decoder_threads=threads) as source:
        read = list(source)
    fps = 0.0 if source.fps is None else float(source.fps)
    return Video([frame.image for frame in read], [frame.timestamp for frame in read], fps, source.warnings)


def parsed(data: bytes) -> Video:
    video = Video([], [], 0.0, [])
    while not data.startswith(b"end "):
        line, _, data = data.partition(b"\n")
        width, height, time = line.split()
        size = int(width) * int(height) * 3
        video.frames.append(np.frombuffer(data[:size], np.uint8).reshape(int(height), int(width), 3))
        video.times.append(float(time))
        data = data[size:]
    end, *video.warnings = data.decode().splitlines()
    video.fps = float(end.split()[1])
    return video


def compare(ours: Video, theirs: Video) -> None:
    assert [frame.shape for frame in ours.frames] == [frame.shape for frame in theirs.frames]
    for number, (one, other) in enumerate(zip(ours.frames, theirs.frames, strict=True)):
        differences = int(np.count_nonzero(one != other))
        assert differences == 0, f"of frame {number}"
    assert np.allclose(ours.times, theirs.times, atol=1e-6)
    assert ours.fps == pytest.approx(theirs.fps, rel=1e-6)
    assert ours.warnings == theirs.warnings


def refusal(read: Callable[[Path], Video], path: Path) -> str:
    """Why a file is refused; "" where it is not."""
    try:
        read(path)
    except SourceError as error:
        return str(error)
    return ""
