"""The sound of a recording: copied beside the pictures, as far as they go."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import OutputError
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.outputs import Outputs
from edgeseg.video.recording import Recording
from edgeseg.video.sound import Sound
from edgeseg.video.video_file import CONTAINERS
from tests.video.test_recording import RATE, MakeVideo, frame, read


def add_sound(video: Path, out: Path, codec: str, seconds: float, late: float = 0.0) -> Path:
    """The same pictures with a tone whose level says how late it is: silence, then louder by the half-second."""
    with av.open(str(video)) as source, av.open(str(out), "w") as container:
        pictures = container.add_stream_from_template(source.streams.video[0])
        sound: Any = container.add_stream(codec, rate=48000)
        sound.layout = "mono"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                container.mux(packet)
        for number in range(int(seconds * 48000) // 960):
            wave = np.sin(np.arange(960) * 0.06) * min(0.9, 0.1 * (1 + number * 960 // 24000))
            part = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, number * 960 + round(late * 48000)
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return out


def loudness(path: Path) -> tuple[NDArray[np.float32], float]:
    """Amplitudes of every half-second of the sound, and where it begins."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([np.asarray(part.to_ndarray(), np.float32)[0] for part in frames])
    assert frames[0].time is not None
    halves = [samples[at : at + 24000] for at in range(0, len(samples), 24000)]
    return np.array([np.sqrt(2 * np.mean(half**2)) for half in halves]), frames[0].time


@pytest.mark.parametrize(
    ("codec", "inner", "extension"),
    [("aac", ".mkv", ".mp4"), ("libopus", ".mkv", ".webm"), ("aac", ".ts", ".mp4"), ("aac", ".ts", ".mkv")],
)
def test_sound_is_copied_as_far_as_the_pictures_go(
    tmp_path: Path, make_video: MakeVideo, codec: str, inner: str, extension: str
) -> None:
    source = add_sound(make_video(tmp_path / "in.mp4", count=100), tmp_path / f"sound{inner}", codec, 4.0)
    with av.open(str(source)) as container:  # MPEG-TS begins at 1.4 s
        start_time = float((container.streams.video[0].start_time or 0) * (container.streams.video[0].time_base or 0))
    recording = Recording(tmp_path / f"out{extension}", 64, 48, Fraction(25), sound=Sound(source, start_time))
    for number in range(60):
        recording.write(frame(number), number / 25)
    recording.close()
    with av.open(str(recording.paths[0])) as container:
        assert container.streams.audio[0].codec_context.name == {"aac": "aac", "libopus": "opus"}[codec]
        assert len(list(container.decode(video=0))) == 60
    levels, start = loudness(recording.paths[0])
    assert abs(start) < 0.05
    assert len(levels) == 5  # 2.4 s in halves
    assert np.allclose(levels[:4], [0.1, 0.2, 0.3, 0.4], atol=0.04)


def test_sound_beside_a_title_that_is_not_utf_8(tmp_path: Path, make_video: MakeVideo) -> None:
    source = add_sound(make_video(tmp_path / "in.mp4", count=10), tmp_path / "sound.mkv", "aac", 0.4)
    with av.open(str(source)) as given, av.open(str(tmp_path / "titled.mkv"), "w") as container:
        container.metadata["title"] = "cafe: 1"
        copies = [container.add_stream_from_template(stream) for stream in given.streams]
        for packet in given.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    titled = (tmp_path / "titled.mkv").read_bytes()
    source.write_bytes(titled.replace(b"cafe: 1", b"caf\xe9: 1"))
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), sound=Sound(source))
    for number in range(10):
        recording.write(frame(number), number / 25)
    recording.close()
    assert len(loudness(recording.paths[0])[0]) == 1


def test_sound_of_a_file_that_options_open(tmp_path: Path, make_video: MakeVideo) -> None:
    """A playlist whose segments have names that FFmpeg takes for no video's."""
    source = add_sound(make_video(tmp_path / "in.mp4", count=10), tmp_path / "a.ts", "aac", 0.4)
    source.rename(tmp_path / "a.bin")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:0.4,", "a.bin", "#EXT-X-ENDLIST", ""]
    (tmp_path / "a.m3u8").write_text("\n".join(lines))
    options = {"allowed_extensions": "ALL", "extension_picky": "0"}
    with open_source(tmp_path / "a.m3u8", options=options) as video:
        outputs = Outputs(video, out=tmp_path / "out.mp4", sound=tmp_path / "a.m3u8", options=options)
        outputs.close()


def test_sound_goes_on_in_the_file_of_the_next_size(tmp_path: Path, make_video: MakeVideo) -> None:
    source = add_sound(make_video(tmp_path / "in.mp4", count=100), tmp_path / "sound.mkv", "aac", 4.0)
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), sound=Sound(source))
    for number in range(100):
        recording.write(frame(number, 48 if number < 50 else 24), number / 25)
    recording.close()
    (first, _), (second, start) = (loudness(path) for path in recording.paths)
    assert np.allclose(first[:4], [0.1, 0.2, 0.3, 0.4], atol=0.04)
    assert np.allclose(second[:4], [0.5, 0.6, 0.7, 0.8], atol=0.04)
    assert abs(start) < 0.05


def test_sound_that_begins_before_or_ends_before_the_pictures(tmp_path: Path, make_video: MakeVideo) -> None:
    source = add_sound(make_video(tmp_path / "in.mp4", count=100), tmp_path / "sound.mkv", "aac", 2.0)
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), sound=Sound(source, start_time=1.0))
    for number in range(75):
        recording.write(frame(number), number / 25)
    recording.close()
    assert len(read(recording.paths[0])[0]) == 75
    levels, _ = loudness(recording.paths[0])
    assert np.allclose(levels[:2], [0.3, 0.4], atol=0.04)


@pytest.mark.parametrize(("start", "said"), [(0.0, ["the sound ends at"]), (3600.0, ["the sound ends at"]), (-1.5, [])])
def test_sound_ends_with_a_word_where_the_clock_of_its_file_begins_anew(
    tmp_path: Path, make_video: MakeVideo, start: float, said: list[str]
) -> None:
    """Where two recordings overlap by less than a second, it goes on behind that."""
    whole = add_sound(make_video(tmp_path / "in.mp4", count=50), tmp_path / "sound.mkv", "aac", 2.0)
    for name, offset in (("first", start + 2), ("second", 2.0)):
        with av.open(str(whole)) as source, av.open(
            str(tmp_path / name), "w", format="mpegts", options={"output_ts_offset": str(offset)}
        ) as container:
            copies = [container.add_stream_from_template(stream) for stream in source.streams]
            for packet in source.demux():
                if packet.size:
                    packet.stream = copies[packet.stream.index]
                    container.mux(packet)
    (tmp_path / "joined.ts").write_bytes((tmp_path / "first").read_bytes() + (tmp_path / "second").read_bytes())
    with open_source(tmp_path / "joined.ts") as frames:
        assert isinstance(frames, VideoSource)
        sound = Sound(tmp_path / "joined.ts", frames.start_time)
        recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), sound=sound)
        for each in frames:
            recording.write(each.image, each.timestamp)
        recording.close()
    assert len(read(recording.paths[0])[0]) == 100
    assert len(loudness(recording.paths[0])[0]) in ((4, 5) if said else (7, 8))
    assert [warning[:17] for warning in recording.warnings] == said


def test_sound_that_ends_does_not_hold_the_pictures_back(tmp_path: Path, make_video: MakeVideo) -> None:
    """Of a process that is killed then, all but the last seconds are on the disk."""
    source = add_sound(make_video(tmp_path / "in.mp4"), tmp_path / "sound.mkv", "aac", 0.5)
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), sound=Sound(source))
    for number in range(200):
        recording.write(frame(number), number / 25)
    (part,) = tmp_path.glob(".out.*.part.mp4")
    assert len(read(part)[0]) >= 100
    recording.close()
    assert len(read(tmp_path / "out.mp4")[0]) == 200


def test_sound_of_an_unknown_codec_is_passed_over(tmp_path: Path) -> None:
    """As of phones that record a new one beside AAC."""
    path = tmp_path / "a.mkv"
    for codecs, codec in ((("aac", "libopus"), "opus"), (("aac",), None)):
        with av.open(str(path), "w") as container:
            sounds: list[Any] = [container.add_stream(each, rate=48000) for each in codecs]
            for sound in sounds:
                sound.layout = "mono"
            for sound in sounds:
                for number in range(10):
                    part = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
                    part.sample_rate, part.pts = 48000, 960 * number
                    container.mux(sound.encode(part))
                container.mux(sound.encode(None))
        path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
        if codec is None:
            with pytest.raises(OutputError, match="has no sound that could be copied"):
                Sound(path)
        else:
            opened = Sound(path)
            assert opened.stream.codec_context.name == codec
            opened.close()


def test_no_sound(tmp_path: Path, make_video: MakeVideo) -> None:
    with pytest.raises(OutputError, match=r"has no sound .*; leave out --sound"):
        Sound(make_video(tmp_path / "in.mp4"))
    with pytest.raises(OutputError, match="cannot read the sound"):
        Sound(tmp_path / "missing.mp4")


@pytest.mark.parametrize(("codec", "extension"), [("aac", ".webm"), ("ac3", ".mp4"), ("eac3", ".mp4")])
def test_sound_that_the_container_does_not_take(
    tmp_path: Path, make_video: MakeVideo, codec: str, extension: str
) -> None:
    source = add_sound(make_video(tmp_path / "in.mp4"), tmp_path / "sound.mkv", codec, 1.0)
    with pytest.raises(OutputError, match=rf"with {codec} sound: .*; name an \.mkv, .* or leave out --sound$"):
        Recording(tmp_path / f"out{extension}", 64, 48, RATE, sound=Sound(source))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "sound.mkv"]


@pytest.mark.parametrize("extension", CONTAINERS)
def test_sound_that_no_container_takes(tmp_path: Path, make_video: MakeVideo, extension: str) -> None:
    """G.711, as cameras send it: no other container is advised, which would refuse it too."""
    source = add_sound(make_video(tmp_path / "in.mp4"), tmp_path / "sound.mov", "pcm_alaw", 1.0)
    with pytest.raises(OutputError, match=r"with pcm_alaw sound: .*; nor does another container .*-c:a aac\)$"):
        Recording(tmp_path / f"out{extension}", 64, 48, RATE, sound=Sound(source))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "sound.mov"]
