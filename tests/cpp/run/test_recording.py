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


def test_a_full_disk_leaves_what_was_recorded(program: Path, lossless: Path, tmp_path: Path) -> None:
    """As a limit on the size of files has it, which FFmpeg sees as a disk that is full."""
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32", "--json"]
    done = subprocess.run(
        [str(program), str(lossless), "--out", "out.mkv", *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        preexec_fn=limit_files,
    )
    assert done.returncode == 2
    assert "error: cannot write out.mkv: File too large" in done.stderr
    (failure,) = json.loads(done.stdout)["failures"]
    (left,) = tmp_path.iterdir()
    assert failure.endswith(f"; what was recorded is in {left.name}")
    assert left.stat().st_size == 8192


def limit_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


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
