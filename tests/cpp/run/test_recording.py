"""Recordings of edgeseg-run."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.artifact import SHIPPED
from edgeseg.video.recording import Recording
from tests.cpp.run.process import SECONDS, Start, report, with_faults, written
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


class Growing(BaseHTTPRequestHandler):
    """MJPEG whose pictures have another size from the third one on."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with suppress(OSError):
            for number in range(3000):
                size = (48, 64, 3) if number < 3 else (96, 128, 3)
                jpeg = cv2.imencode(".jpg", np.full(size, number % 256, np.uint8))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(0.01)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_size_that_no_frame_has_leaves_the_name_to_the_next(start: Start, tmp_path: Path) -> None:
    """The first pictures are dropped while the network loads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Growing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = report(start(f"http://127.0.0.1:{server.server_port}/", "--out", "out.mkv", "--max-frames", "5"))
    server.shutdown()
    server.server_close()
    assert found["outputs"] == ["out.mkv"]
    assert not [warning for warning in found["warnings"] if "became" in warning]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [(frame.width, frame.height) for frame in container.decode(video=0)] == [(128, 96)] * 5


@pytest.mark.parametrize("container", ["mkv", "mp4", "webm"])
def test_a_key_frame_begins_every_second_however_slow_the_frames_come(
    start: Start, tmp_path: Path, container: str
) -> None:
    """As Python's: 30 frames a second are announced, and one comes in 0.5 or 0.7 s."""
    at = [500 * number for number in range(12)] + [6000 + 700 * number for number in range(9)]  # milliseconds
    with av.open(str(tmp_path / "slow.mkv"), "w") as slow:
        stream = slow.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in at:  # the same picture, for a cut would begin with a key frame
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "bgr24").reformat(format="bgr0")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            slow.mux(stream.encode(frame))
        slow.mux(stream.encode())
    report(start("slow.mkv", "--out", f"cpp.{container}"))
    python = Recording(tmp_path / f"python.{container}", 64, 48, Fraction(30))
    for time in at:
        python.write(np.zeros((48, 64, 3), np.uint8), time / 1000)
    python.close()
    ours, theirs = (key_times(tmp_path / f"{name}.{container}") for name in ("cpp", "python"))
    assert ours == theirs
    assert len(ours) == 6 + 5


def key_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        keys = [packet for packet in container.demux(video=0) if packet.is_keyframe]
        return [round(float((packet.pts or 0) * packet.time_base), 2) for packet in keys]


@pytest.mark.parametrize("name", ["cam-10:30.mkv", "d-10:30/cam.mp4", "http:cam.webm", "cam-{time:%H:%M}.mkv"])
def test_a_colon_in_a_name_makes_no_protocol(start: Start, lossless: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "d-10:30").mkdir()
    (tmp_path / "in-10:30.mkv").write_bytes(lossless.read_bytes())
    process = start("in-10:30.mkv", "--out", name)
    (written,) = report(process)["outputs"]
    assert process.returncode == 0
    assert "{" in name or written == name
    with av.open(f"file:{tmp_path / written}") as container:
        assert sum(1 for _ in container.decode(video=0)) == 7


def test_a_folder_that_may_be_written_but_not_read(program: Path, lossless: Path, tmp_path: Path) -> None:
    """As a drop box: the recording has its name, though nobody can ask the disk whether it keeps that."""
    box = tmp_path / "box"
    box.mkdir()
    command = [str(program), str(lossless), "--out", "box/out.mkv", "--bundle", str(SHIPPED / "road-nano")]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read every folder, and setpriv is not here")
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *command]
    box.chmod(0o300)
    try:
        command += ["--engine", "openvino", "--precision", "fp32", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=SECONDS)
    finally:
        box.chmod(0o700)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["outputs"] == ["box/out.mkv"]
    assert [path.name for path in box.iterdir()] == ["out.mkv"]


def test_a_name_that_the_disk_cannot_be_made_to_keep(program: Path, lossless: Path, tmp_path: Path) -> None:
    """By strace, which lets syncing the folder fail: the file has its name then, and the sentence says which."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "in.mkv").write_bytes(lossless.read_bytes())
    fault = ["fsync:error=EIO"]
    done = with_faults(program, tmp_path / "disk", fault, "in.mkv", "--out", "disk/out.mkv", "--max-frames", "3")
    assert done.returncode == 2
    assert "error: cannot write disk: Input/output error" in done.stderr
    assert done.stderr.endswith("; the recording is in disk/out.mkv\n")
    assert json.loads(done.stdout)["outputs"] == ["disk/out.mkv"]
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["out.mkv"]


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
