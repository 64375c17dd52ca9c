"""Recordings of edgeseg-run."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.artifact import SHIPPED
from tests.cpp.run.process import SECONDS, Start, report, written
from tests.video.namespace import Loopback, free_port, wait_until


@pytest.mark.parametrize("container", ["mkv", "mp4", "webm"])
def test_a_recording_has_the_times_of_its_source(start: Start, tmp_path: Path, container: str) -> None:
    """Of a variable rate, with odd sides."""
    times = [0, 40, 80, 400, 410, 2000, 2033]  # milliseconds
    with av.open(str(tmp_path / "variable.mkv"), "w") as variable:
        stream = variable.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 65, 49, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((49, 65, 3), 30 * number, np.uint8), "bgr24").reformat(
                format="bgr0"
            )
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            variable.mux(stream.encode(frame))
        variable.mux(stream.encode())
    found = report(start("variable.mkv", "--out", f"out.{container}"))
    assert (found["frames"], found["warnings"]) == (7, [])
    with av.open(str(tmp_path / f"out.{container}")) as written:
        frames = list(written.decode(video=0))
    assert [round(1000 * frame.time) for frame in frames if frame.time is not None] == times
    assert {(frame.width, frame.height) for frame in frames} == {(66, 50)}


@pytest.mark.parametrize("container", ["mkv", "mp4", "webm"])
@pytest.mark.parametrize("room", [8, 400])
def test_a_full_disk_leaves_what_was_recorded(program: Path, tmp_path: Path, container: str, room: int) -> None:
    """As a limit of so many kB on the size of files has it, which FFmpeg sees as a full disk. 8 kB hold no picture."""
    noise(tmp_path / "noise.mkv", 100)
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32", "--json"]
    out = tmp_path / f"out.{container}"
    done = subprocess.run(
        [str(program), "noise.mkv", "--out", out.name, *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        preexec_fn=lambda: limit_files(1000 * room),
    )
    assert done.returncode == 2
    assert f"error: cannot write {out.name}: File too large; is there room on the disk? " in done.stderr
    found = json.loads(done.stdout)
    assert found["ended"]["how"] == "stopped"
    (failure,) = found["failures"]
    if room == 8:
        assert failure.endswith("Nothing was recorded")
        assert (found["outputs"], out.exists()) == ([], False)
    else:
        assert failure.endswith(f"What was recorded before is in {out.name}")
        assert found["outputs"] == [out.name]
        with av.open(str(out)) as video:
            assert sum(1 for _ in video.decode(video=0)) >= 10
    assert [path.name for path in tmp_path.glob(".*")] == []


def noise(path: Path, frames: int) -> None:
    """Pictures that no encoder makes small, of 128x96 at 10 frames a second."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as video:
        stream = video.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "bgr0"
        for _ in range(frames):
            picture = random.integers(0, 256, (96, 128, 3), np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="bgr0")))
        video.mux(stream.encode())


def limit_files(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_name_that_was_taken_meanwhile_is_not_replaced(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--out", "out-{time:%Y}.MKV", "--masks", "masks")
    wait_until(lambda: written(tmp_path / "masks") > 2, SECONDS)
    (part,) = tmp_path.glob(".out-*")
    taken = tmp_path / f"{part.name.split('.')[1]}.MKV"
    taken.write_text("of another")
    process.send_signal(signal.SIGTERM)
    found = report(process)
    assert process.returncode == 143
    assert taken.read_text() == "of another"
    name = f"{taken.stem}.recovered-1.MKV"
    assert found["outputs"] == [name, "masks"]
    assert f"{taken.name} was taken in the meantime; the recording is {name}" in found["warnings"]
    with av.open(str(tmp_path / name)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 2


@pytest.mark.parametrize("name", ["hard.mkv", "link.mkv"])
def test_another_name_of_the_source_is_replaced_alone(start: Start, lossless: Path, tmp_path: Path, name: str) -> None:
    """A link's target, and a file that has two names, stay what they are."""
    whole = lossless.read_bytes()
    (tmp_path / "in.mkv").write_bytes(whole)
    (tmp_path / "other.mkv").write_bytes(whole)
    (tmp_path / "hard.mkv").hardlink_to(tmp_path / "in.mkv")
    (tmp_path / "link.mkv").symlink_to("other.mkv")
    found = report(start("in.mkv", "--out", name, "--overwrite", "--max-frames", "1"))
    assert found["outputs"] == [name]
    assert (tmp_path / "in.mkv").read_bytes() == (tmp_path / "other.mkv").read_bytes() == whole
    assert (tmp_path / name).read_bytes() != whole
