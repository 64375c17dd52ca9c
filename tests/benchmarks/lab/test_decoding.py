"""The comparison of decoders, on a few small frames."""

from __future__ import annotations

from pathlib import Path

import av

from lab.decoding import compare, scale


def test_both_decode_the_same_frames(video: Path, tmp_path: Path) -> None:
    scaled = scale(video, tmp_path / "b.mp4", (96, 72), 10)
    with av.open(str(scaled)) as container:
        assert [(frame.width, frame.height) for frame in container.decode(video=0)] == [(96, 72)] * 10
    figures = compare(scaled, 3)
    assert set(figures) == {"edgeseg", "opencv", "ratio"}
    assert min(figures["edgeseg"], figures["opencv"], figures["ratio"]) > 0
