"""HLS: segments that come late, all at once, or not at all."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from tests.video.http_server import Serve, folder, sent
from tests.video.sent_videos import write_hls

pytestmark = pytest.mark.usefixtures("no_thread_left")


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ([], None),
        ([2], "leaves out a stretch of its time, 1.0 s in all"),
        ([1, 3, 4], "leaves out 2 stretches of its time, 3.0 s in all"),
    ],
)
def test_segments_that_the_server_does_not_give(
    tmp_path: Path, serve: Serve, absent: list[int], said: str | None
) -> None:
    """FFmpeg passes over them without a word."""
    write_hls(tmp_path)
    for number in absent:
        (tmp_path / f"{number}.ts").unlink()

    with open_source(serve(folder(tmp_path)) + "/list.m3u8", timeout=5) as source:
        frames = list(source)
    assert len(frames) == 150 - 25 * len(absent)
    assert source.ended_early == bool(absent)
    assert [warning.partition(";")[0] for warning in source.warnings] == ([f"{source.name} {said}"] if said else [])


@pytest.mark.parametrize("local", [False, True])
def test_a_clock_that_jumps_ahead_of_all_segments_leaves_nothing_out(
    tmp_path: Path, serve: Serve, local: bool
) -> None:
    """As behind #EXT-X-DISCONTINUITY, where a clip of another encoder was put in."""
    write_hls(tmp_path)
    with av.open(str(tmp_path / "3.ts")) as source, av.open(str(tmp_path / "clip.ts"), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = packet.pts + 5000 * 90000, packet.dts + 5000 * 90000
                packet.stream = stream
                output.mux(packet)
    lines = (tmp_path / "list.m3u8").read_text().splitlines()
    place = lines.index("3.ts")
    another = "#EXT-X-DISCONTINUITY"
    lines[place - 1 : place + 2] = [another, "#EXTINF:1.0,", "clip.ts", another, lines[place + 1]]
    (tmp_path / "list.m3u8").write_text("\n".join(lines))
    with open_source(tmp_path / "list.m3u8" if local else serve(folder(tmp_path)) + "/list.m3u8") as opened:
        times = [frame.timestamp for frame in opened]
    assert (opened.warnings, opened.ended_early) == ([], False)
    assert times == pytest.approx([number / 25 for number in range(150)], abs=0.001)


@pytest.mark.parametrize("key", [None, b"x" * 5, b"x" * 16])
def test_a_key_that_the_server_does_not_give(tmp_path: Path, serve: Serve, key: bytes | None) -> None:
    write_hls(tmp_path, encrypted=True)
    url = serve(folder(tmp_path)) + "/list.m3u8?token=secret"
    with open_source(url, timeout=5) as source:
        assert len(list(source)) == 150
    (tmp_path / "hls.key").unlink()
    if key is not None:
        (tmp_path / "hls.key").write_bytes(key)
    with pytest.raises(SourceError, match="refuse the segments that the playlist names, or the key to them") as error:
        open_source(url, timeout=5)
    assert "secret" not in str(error.value)


def test_live_hls_keeps_its_frames(tmp_path: Path, serve: Serve) -> None:
    """Segments of a second come at once; their frames are given at their pace, not one a segment."""
    segments: list[bytes] = []
    for number in range(6):
        path = tmp_path / f"{number}.ts"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "1", "tune": "zerolatency"})
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for index in range(25 * number, 25 * number + 25):
                picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="bgr24")
                picture.pts = index
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        segments.append(path.read_bytes())
    began = time.monotonic()

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(".m3u8"):
            ready = min(len(segments), 3 + int(time.monotonic() - began))
            first = max(0, ready - 4)
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
            body = "\n".join([*lines, *(f"#EXTINF:1.0,\n{n}.ts" for n in range(first, ready))]).encode() + b"\n"
        else:
            body = segments[int(request.path.strip("/").removesuffix(".ts"))]
        sent(body)(request)

    with open_source(serve(answer) + "/live.m3u8", timeout=2) as source:
        assert source.live
        started = time.monotonic()
        frames = []
        for frame in source:
            frames.append(frame)
            if frame.index >= 120:
                break
    assert time.monotonic() - started > 3  # at their pace, not in bursts
    assert len(frames) > 60  # most, however busy the machine is
    assert np.allclose([frame.timestamp for frame in frames], [0.04 * frame.index for frame in frames], atol=0.1)
