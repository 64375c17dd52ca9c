"""What `edgeseg run` does with the names, and the kinds, of its outputs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.commands.run import run_command
from edgeseg.errors import OutputError, UsageError
from edgeseg.spec import Spec


@pytest.fixture
def run(tmp_path: Path, make_bundle: Callable[[Path, Spec], Bundle], spec: Spec) -> Callable[..., int]:
    """`run(source, ...)`: the command with a tiny network, silent."""
    make_bundle(tmp_path / "bundle", spec)

    def call(source: Path, **options: Any) -> int:
        return run_command(str(source), bundle=f"{tmp_path}/bundle", engine="onnxruntime", json=True, **options)

    return call


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Half a second of pictures in MKV, which come a second later than the sound: silence, then a tone."""
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        pictures: Any = container.add_stream("libx264", rate=25)
        pictures.width, pictures.height = 64, 48
        sound: Any = container.add_stream("libopus", rate=48000)
        sound.layout = "mono"
        for number in range(50):
            wave = np.sin(np.arange(1920, dtype=np.float32) * 0.06)[None] * (0.5 if number >= 25 else 0)
            part = av.AudioFrame.from_ndarray(wave.astype(np.float32), format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, 1920 * number
            container.mux(sound.encode(part))
            if 25 <= number < 38:
                image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * (number - 25), np.uint8), format="bgr24")
                image.pts, image.time_base = number, Fraction(1, 25)
                container.mux(pictures.encode(image))
        container.mux(pictures.encode(None))
        container.mux(sound.encode(None))
    return path


def test_the_time_in_the_names(run: Callable[..., int], video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert run(video, out=out / "cam-{time:%Y-%m-%dT%H-%M-%S}.mp4", masks=out / "masks-{time:%Y}") == 0
    names = sorted(path.name for path in out.iterdir())
    assert re.fullmatch(r"cam-20\d\d-\d\d-\d\dT\d\d-\d\d-\d\d\.mp4", names[0])
    assert re.fullmatch(r"masks-20\d\d", names[1])
    with pytest.raises(UsageError, match="is not the time"):
        run(video, out=out / "cam-{date}.mp4")


def test_again(run: Callable[..., int], video: Path, tmp_path: Path) -> None:
    out, masks = tmp_path / "out.mp4", tmp_path / "masks"
    assert run(video, out=out, masks=masks) == 0
    before = out.read_bytes()
    with pytest.raises(OutputError, match=r"out\.mp4 already exists; .*--overwrite"):
        run(video, out=out)
    with pytest.raises(OutputError, match=r"masks .*holds 13 files already.*--overwrite"):
        run(video, masks=masks)
    assert out.read_bytes() == before
    assert run(video, out=out, masks=masks, overwrite=True, crf=50) == 0
    assert out.read_bytes() != before


def test_sound_and_codec(run: Callable[..., int], video: Path, tmp_path: Path) -> None:
    assert run(video, out=tmp_path / "out.webm", codec="av1", sound=True) == 0
    with av.open(str(tmp_path / "out.webm")) as container:
        assert [stream.codec.canonical_name for stream in container.streams] == ["av1", "opus"]
    with av.open(str(tmp_path / "out.webm")) as container:
        tone = np.concatenate([np.asarray(part.to_ndarray())[0] for part in container.decode(audio=0)])
    assert 0.45 < len(tone) / 48000 < 0.6
    assert 0.3 < np.sqrt(np.mean(tone[4800:-4800] ** 2)) < 0.4  # of the second in which the pictures are
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "1.png"), np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(UsageError, match=r"--sound copies the sound of a video file, and .*frames is none"):
        run(tmp_path / "frames", out=tmp_path / "out.mp4", sound=True)
    with pytest.raises(UsageError, match="codec 'xvid' is unknown"):
        run(video, out=tmp_path / "out.mp4", codec="xvid")


def test_what_a_killed_run_left_is_said_at_once(
    run: Callable[..., int], video: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(video, out=tmp_path / "out.mkv") == 0
    (tmp_path / "out.mkv").rename(tmp_path / ".out.0123456789abcdef.part.mkv")
    capfd.readouterr()
    with pytest.raises(UsageError, match="is unknown"):  # even where this run does not begin
        run(video, out=tmp_path / "new.mp4", codec="xvid")
    assert f"it is {tmp_path}/out.mkv now" in capfd.readouterr().err
    assert (tmp_path / "out.mkv").is_file()


@pytest.mark.parametrize("option", [{"sound": True}, {"crf": 20}, {"codec": "vp9"}])
def test_options_of_a_video_that_is_not_written(
    run: Callable[..., int], tmp_path: Path, option: dict[str, Any]
) -> None:
    picture = tmp_path / "in.png"
    cv2.imwrite(str(picture), np.zeros((6, 8, 3), np.uint8))
    for out in (None, tmp_path / "out.png"):
        with pytest.raises(UsageError, match="and none is written"):
            run(picture, out=out, **option)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("source", ["0", "{}", "{}/in.png", "{}/%04d.png", "v4l2src ! appsink", "rtsp://h/x"])
def test_options_that_would_do_nothing(run: Callable[..., int], tmp_path: Path, source: str) -> None:
    source = source.format(tmp_path)
    with pytest.raises(UsageError, match=r"--follow waits at the end of a video file, and .* is none"):
        run(source, follow=True)
    if "://" not in source:
        with pytest.raises(UsageError, match="--source-option is for what FFmpeg reads"):
            run(source, source_option=["video_size=1280x720"])


def test_a_full_disk_under_the_masks_spares_the_recording_beside_them(
    tmp_path: Path, make_bundle: Callable[[Path, Spec], Bundle], spec: Spec
) -> None:
    make_bundle(tmp_path / "bundle", spec)
    full = tmp_path / "full"
    full.mkdir()
    if not shutil.which("unshare"):
        pytest.skip("no mount namespace may be made here")
    mount = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", full], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {mount.stderr.decode().strip()}")
    video = tmp_path / "in.mp4"
    with av.open(str(video), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        for number in range(100):
            image = np.full((48, 64, 3), 2 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    run = f"{sys.executable} -m edgeseg run {video} --bundle {tmp_path}/bundle --engine onnxruntime"
    script = f"mount -t tmpfs -o size=64k none {full} && {run} --out {tmp_path}/out.mp4 --masks {full}/m"
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{script}; code=$?; cp -r {full}/m {tmp_path}/left; exit $code"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2, result.stderr
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 100
    left = sorted(path.name for path in (tmp_path / "left").iterdir())
    assert left == [f"{number:06d}.png" for number in range(len(left))]
    assert len(left) > 5
