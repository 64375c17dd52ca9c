"""The choice of an encoder. That each writes what plays is tested with recordings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from edgeseg.errors import OutputError, UsageError
from edgeseg.video import encoders
from edgeseg.video.encoders import AUTO, CODECS, ENCODERS, Encoder, Picture, choose

PICTURE = Picture(64, 48, Fraction(25), Fraction(1, 90000))


def named(name: str) -> Encoder:
    return next(encoder for encoder in ENCODERS if encoder.name == name)


def software(suffix: str, codec: str, picture: Picture = PICTURE) -> tuple[str, list[str]]:
    encoder, sentences = choose(suffix, codec, picture)
    return encoder.name, sentences


@pytest.fixture
def no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose drivers refuse, without devices."""
    monkeypatch.setattr(encoders, "ENCODERS", [replace(each, device=each.device and "/nowhere*") for each in ENCODERS])


@pytest.mark.usefixtures("no_hardware")
def test_auto_takes_what_the_container_usually_holds() -> None:
    assert software(".mp4", AUTO) == ("libx264", [])
    assert software(".mkv", AUTO) == ("libx264", [])
    assert software(".webm", AUTO) == ("libvpx-vp9", [])


@pytest.mark.usefixtures("no_hardware")
def test_another_encoder_takes_over_where_ffmpeg_is_built_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av.codec, "codecs_available", {"libsvtav1"})
    name, sentences = software(".mp4", AUTO)
    assert name == "libsvtav1"
    assert sentences[0].startswith("libx264 does not work here (FFmpeg is built without it); libsvtav1")
    with pytest.raises(OutputError, match=r"no encoder for hevc works here \(libx265: FFmpeg is built without it\)"):
        choose(".mp4", "hevc", PICTURE)
    monkeypatch.setattr(av.codec, "codecs_available", set())
    with pytest.raises(OutputError, match="choose another --codec"):
        choose(".webm", AUTO, PICTURE)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`card(name)`: a machine with one device, for which the software encoder `name` stands in."""
    (tmp_path / "device0").touch()

    def make(name: str) -> None:
        hardware = Encoder(name, "h264", device=f"{tmp_path}/device*")
        monkeypatch.setattr(encoders, "ENCODERS", (hardware, named("libx264")))

    return make


def test_hardware_that_encodes_a_frame_is_taken(card: Any) -> None:
    card("libx264rgb")  # refuses yuv420p
    name, (sentence,) = software(".mp4", AUTO)
    assert name == "libx264"
    assert sentence.startswith("libx264rgb does not work here (")
    card("libx265")
    assert software(".mp4", AUTO) == ("libx265", [])


@pytest.mark.parametrize("codec", [AUTO, "h264"])
def test_hardware_can_be_left_out(card: Any, codec: str) -> None:
    card("libx265")
    encoder, sentences = choose(".mp4", codec, PICTURE, hardware=False)
    assert (encoder.name, sentences) == ("libx264", [])
    encoder, _ = choose(".mp4", "libx265", PICTURE, hardware=False)
    assert encoder.name == "libx265"


def test_an_encoder_that_is_asked_for_by_name_is_not_replaced(card: Any) -> None:
    card("libx264rgb")
    with pytest.raises(OutputError, match=r"no encoder for libx264rgb works here"):
        choose(".mp4", "libx264rgb", PICTURE)
    assert software(".mp4", "libx264") == ("libx264", [])


@pytest.mark.parametrize(
    ("codec", "crf", "message"),
    [
        ("h265", None, "codec 'h265' is unknown, expected auto, h264, hevc"),
        ("", None, "is unknown"),
        ("vp8", None, "a .mp4 file does not take vp8"),
        ("h264", 52, "--crf is 52, expected 0 .best. to 51"),
        ("vp9", -1, "--crf is -1, expected 0"),
    ],
)
@pytest.mark.usefixtures("no_hardware")
def test_what_does_not_go_together(codec: str, crf: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(".mp4", codec, replace(PICTURE, crf=crf))


def test_bit_rates_have_no_crf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "ENCODERS", (replace(named("libx264"), quality=None),))
    assert software(".mp4", AUTO) == ("libx264", [])
    with pytest.raises(UsageError, match="leave out --crf"):
        choose(".mp4", AUTO, replace(PICTURE, crf=20))


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: encoder.name)
def test_ffmpeg_knows_every_option(encoder: Encoder) -> None:
    """Of hardware encoders too, which cannot be opened here: an unknown option would be passed over silently."""
    if encoder.name not in av.codec.codecs_available:
        pytest.skip(f"this FFmpeg is built without {encoder.name}")
    context = av.CodecContext.create(encoder.name, "w")
    if not hasattr(context, "supported_options"):
        pytest.skip("this PyAV does not list options")
    options = context.supported_options
    known = {option.name for option in (*options.generic, *options.private)}
    assert {*encoder.options, *([encoder.quality] if encoder.quality else [])} <= known
    assert encoder.quality is None or encoder.crf_range[0] <= encoder.crf <= encoder.crf_range[1]


def test_every_codec_of_a_container_has_an_encoder() -> None:
    for codecs in CODECS.values():
        for codec in codecs:
            assert any(encoder.codec == codec and encoder.device is None for encoder in ENCODERS)
