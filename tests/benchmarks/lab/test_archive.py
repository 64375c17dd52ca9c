"""The videos that archives are measured with."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from lab.archive.videos import repeat


def test_a_video_is_repeated_without_a_gap(video: Path, tmp_path: Path) -> None:
    assert repeat(video, tmp_path / "three.mp4", 3) == 36
    assert repeat(video, tmp_path / "part.mp4", 1, 5) == 5
    with av.open(str(video)) as source, av.open(str(tmp_path / "three.mp4")) as container:
        once = [frame.to_ndarray(format="gray") for frame in source.decode(video=0)]
        frames = list(container.decode(video=0))
    assert np.allclose([frame.time for frame in frames], np.arange(36) / 25)
    assert np.array_equal([frame.to_ndarray(format="gray") for frame in frames], once * 3)
