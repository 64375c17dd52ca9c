"""Stretches of a video, one after the other, are the video: the same pictures at the same times, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import SourceError
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.source import Frame, Source
from edgeseg.video.span import InseparableError, Span, SpanSource, _spans, cut, nal_types
from tests.archive.conftest import write_video


def frames(source: Source) -> list[Frame]:
    with source:
        return list(source)


def by_pieces(path: Path, spans: Sequence[Span]) -> list[Frame]:
    with open_source(path) as source:
        assert isinstance(source, VideoSource)
        start = source.start_time
    return [frame for span in spans for frame in frames(SpanSource(path, span, start))]


def check_same(found: Sequence[Frame], expected: Sequence[Frame]) -> None:
    assert [frame.timestamp for frame in found] == [frame.timestamp for frame in expected]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.image, other.image)


FORMATS = {
    "h264.mp4": ("libx264", {}),
    "h264-deep.mp4": ("libx264", {"bf": "4", "b_pyramid": "normal"}),
    "h264.mkv": ("libx264", {}),
    "h264.ts": ("libx264", {}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:open-gop=0"}),
    "vp9.webm": ("libvpx-vp9", {"deadline": "realtime", "lag-in-frames": "0"}),
    "mpeg4.mov": ("mpeg4", {}),
    "mpeg4.avi": ("mpeg4", {}),
    "mjpeg.mkv": ("mjpeg", {}),
    "mpeg2.mkv": ("mpeg2video", {}),
    "ffv1.mkv": ("ffv1", {}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_stretches_are_the_whole(name: str, tmp_path: Path) -> None:
    codec, options = FORMATS[name]
    path = write_video(tmp_path / name, 43, codec, options=options)
    spans = cut(path, 0.5)
    assert len(spans) >= 3
    check_same(by_pieces(path, spans), frames(open_source(path)))


def test_where_it_is_cut(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4", 43)
    assert [span.packets for span in cut(path, 0.1)] == [10, 10, 10, 10, 3]
    assert [span.packets for span in cut(path, 0.5)] == [20, 20, 3]  # 0.5 s are 13 frames: at the next key frame
    assert [span.packets for span in cut(path, 10)] == [43]


def test_vp8_is_not_cut(tmp_path: Path) -> None:
    """Its decoder does not see damage, and hides it by what came before a cut."""
    assert cut(write_video(tmp_path / "in.webm", 43, "libvpx", options={"deadline": "realtime"}), 0.1) == ()


def test_open_groups_are_cut_where_all_references_end(tmp_path: Path) -> None:
    """Pictures that are shown before a key frame and stored behind it belong to what is before."""
    path = write_video(tmp_path / "in.mp4", 60, options={"x264-params": "open-gop=1:bframes=3:scenecut=0"})
    with av.open(str(path)) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0)) > 2
    spans = cut(path, 0.1)
    check_same(by_pieces(path, spans), frames(open_source(path)))


def test_a_start_that_is_no_key_frame_forbids_a_cut(tmp_path: Path) -> None:
    """As where a recording was cut off at its front: what the decoder makes of its beginning is its own affair."""
    whole, path = write_video(tmp_path / "whole.ts", 50), tmp_path / "in.ts"
    path.write_bytes(whole.read_bytes()[188 * 40 :])
    assert frames(open_source(path))
    assert cut(path, 0.3) == ()


@pytest.mark.parametrize("seed", range(24))
def test_damage_is_found_or_does_no_harm(seed: int, tmp_path: Path) -> None:
    """Where bytes are wrong, a stretch is either what the whole gives there, or refused."""
    path = write_video(tmp_path / "in.mkv", 60)
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for at in random.integers(len(data) // 4, len(data), 3):
        data[at] ^= int(random.integers(1, 256))
    path.write_bytes(data)
    expected = frames(open_source(path))
    spans = cut(path, 0.4)
    try:
        found = by_pieces(path, spans) if spans else expected
    except InseparableError:
        return
    check_same(found, expected)


def test_an_interlaced_video_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mkv", 40, options={"x264-params": "interlaced=1", "flags": "+ildct+ilme"})
    spans = cut(path, 0.4)
    with pytest.raises(InseparableError, match="interlaced"):
        by_pieces(path, spans)


def test_a_video_that_changed_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4", 40)
    spans = cut(path, 0.4)
    write_video(path, 15)
    with pytest.raises(InseparableError, match="did it change"):
        by_pieces(path, spans)


def test_times_that_repeat_or_are_missing_forbid_a_cut(tmp_path: Path) -> None:
    assert _spans([0, 1, 1, 2], [True] * 4, 1) == ()
    raw = tmp_path / "in.h264"
    raw.write_bytes(b"")
    with pytest.raises(SourceError, match="empty"):
        cut(raw, 1)
    write_video(raw, 30)  # a bare stream of H.264 holds no times
    assert cut(raw, 0.1) == ()


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40), st.integers(1, 20))
def test_stretches_part_a_video_in_storage_and_in_time(packets: list[tuple[int, bool]], length: int) -> None:
    times, keys = [time for time, _ in packets], [key for _, key in packets]
    spans = _spans(times, keys, length)
    if len(set(times)) != len(times) or not times or not keys[0]:
        assert spans == ()
        return
    assert sum(span.packets for span in spans) == len(times)
    at = 0
    for number, span in enumerate(spans):
        before, here = times[:at], times[at : at + span.packets]
        assert here
        if number:
            assert keys[at]
            assert span.start == times[at] == min(times[at:])
            assert max(before) < min(here)
        else:
            assert span.start is None
        at += span.packets


@given(
    st.lists(st.tuples(st.integers(0, 31), st.binary(min_size=0, max_size=20)), max_size=6), st.sampled_from([1, 2, 4])
)
def test_nal_units_are_found(units: list[tuple[int, bytes]], prefix: int) -> None:
    # A start code cannot stand in a unit (emulation prevention), nor a zero at its end.
    clean = [bytes([0x60 | kind]) + body.replace(b"\0", b"\1") for kind, body in units]
    sized = b"".join(len(unit).to_bytes(prefix, "big") + unit for unit in clean)
    coded = b"".join(b"\0\0\1" + unit for unit in clean)
    assert nal_types(sized, prefix) == nal_types(coded, 0) == {kind for kind, _ in units}
