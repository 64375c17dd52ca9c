"""The comparison of decoders, on a few small frames."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from lab.decoding import compare, scale


def test_both_decode_the_same_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(12):
            image = np.full((48, 64, 3), 20 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    scaled = scale(tmp_path / "a.mp4", tmp_path / "b.mp4", (96, 72), 10)
    with av.open(str(scaled)) as container:
        assert [(frame.width, frame.height) for frame in container.decode(video=0)] == [(96, 72)] * 10
    figures = compare(scaled, 3)
    assert set(figures) == {"edgeseg", "opencv", "ratio"}
    assert min(figures["edgeseg"], figures["opencv"], figures["ratio"]) > 0
