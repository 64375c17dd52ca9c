"""How `edgeseg run` ends: signals, lost streams, outputs that fail. Real processes, whose exit codes a script sees."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.processes import processes

SECONDS = 120.0
"""After which a test gives up."""

COMMAND = (str(Path(sys.executable).with_name("edgeseg")), "run")
"""As it is installed."""

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", spec).folder


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small frames, which take some seconds to segment and write."""
    path = tmp_path_factory.mktemp("video") / "long.mp4"
    path.write_bytes(encoded("mp4", 6000))
    return path


def encoded(container: str, frames: int) -> bytes:
    """A video of grey frames, 64x48, in FFmpeg's format of that name."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            image = np.full((48, 64, 3), number % 256, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def signals_of_a_terminal() -> None:
    """Whoever started the tests may ignore them: a shell in the background SIGINT, nohup SIGHUP."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(bundle: Path, tmp_path: Path) -> Iterator[Run]:
    """`start(source, ...)`: `edgeseg run` as a process of its own, with signals as a terminal leaves them."""
    with processes() as started:

        def run(*arguments: object, prefix: tuple[str, ...] = COMMAND) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*prefix, *map(str, arguments), "--bundle", str(bundle), "--engine", "onnxruntime", "--json"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
                preexec_fn=signals_of_a_terminal,
            )
            started.append(process)
            return process

        yield run


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def written(masks: Path) -> int:
    return sum(1 for path in masks.glob("[!.]*.png")) if masks.is_dir() else 0


def length(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_end_a_run_in_order(number: signal.Signals, start: Run, long_video: Path, tmp_path: Path) -> None:
    process = start(long_video, "--out", "out.mp4", "--masks", "masks")
    wait_for(lambda: written(tmp_path / "masks") > 20, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == 128 + number
    assert err == ""
    assert report["ended"] == {"how": "interrupted", "reason": number.name}
    assert 20 < report["frames"] < 6000
    assert length(tmp_path / "out.mp4") == written(tmp_path / "masks") == report["frames"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks", "out.mp4"]


def test_a_signal_ends_the_first_process_of_a_container(start: Run, long_video: Path, tmp_path: Path) -> None:
    """PID 1 ignores signals that it has no handler for."""
    unshare = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("a PID namespace cannot be made here")
    process = start(long_video, "--masks", "masks", prefix=(*unshare, *COMMAND))
    wait_for(lambda: written(tmp_path / "masks") > 20, process)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
    assert err == ""
    assert json.loads(out)["frames"] == written(tmp_path / "masks")


SLOW_DISK = """
import sys, time
import edgeseg.video.outputs as outputs
class SlowMasks(outputs.MaskWriter):
    def write(self, mask, index, name=None, labels=()):
        super().write(mask, index, name, labels)
        time.sleep(600 if index == 10 else 0)
outputs.MaskWriter = SlowMasks
from edgeseg_launcher import main
main()
"""


def test_a_second_signal_ends_it_at_once(start: Run, long_video: Path, tmp_path: Path) -> None:
    """The first one lets the mask be written that is under way, which takes ten minutes here."""
    process = start(long_video, "--masks", "masks", prefix=(sys.executable, "-c", SLOW_DISK, "run"))
    wait_for(lambda: written(tmp_path / "masks") > 10, process)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
    assert (out, err) == ("", "")


def test_nohup_stays_deaf_to_sighup(start: Run, long_video: Path, tmp_path: Path) -> None:
    process = start(long_video, "--masks", "masks", "--max-frames", "300", prefix=("nohup", *COMMAND))
    wait_for(lambda: written(tmp_path / "masks") > 20, process)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert json.loads(out)["frames"] == 300


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_a_signal_while_it_starts_leaves_no_traceback(delay: float, start: Run, long_video: Path) -> None:
    """From the command's first line on; before, it is Python that starts."""
    process = start(long_video)
    wait_for(lambda: handles(process.pid, signal.SIGTERM), process)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    assert err == ""


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


class serving:  # noqa: N801  used like a function
    """A server on 127.0.0.1 that sends some bytes to whoever connects, and then hangs up, or waits for ever."""

    def __init__(self, data: bytes, *, for_ever: bool = False) -> None:
        self._data, self._for_ever = data, for_ever
        self._done = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        try:
            connection, _ = self._server.accept()
            with connection:
                for start in range(0, len(self._data), 2000):  # at about the rate of a camera
                    connection.sendall(self._data[start : start + 2000])
                    time.sleep(0.01)
                while self._for_ever and not self._done.wait(0.1):
                    pass
        except OSError:
            return  # the receiver had enough, or nobody came

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._server.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


def test_a_signal_ends_the_wait_for_a_silent_server(start: Run, tmp_path: Path) -> None:
    with serving(encoded("mpegts", 1000), for_ever=True) as port:
        process = start(f"tcp://127.0.0.1:{port}", "--masks", "masks", "--timeout", "600")
        wait_for(lambda: written(tmp_path / "masks") > 0, process)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert report["ended"] == {"how": "interrupted", "reason": "SIGTERM"}
    assert report["frames"] == written(tmp_path / "masks")


@pytest.mark.parametrize(("flags", "code"), [((), 3), (("--tolerate-loss",), 0)])
def test_a_lost_stream_is_exit_code_3(flags: tuple[str, ...], code: int, start: Run, tmp_path: Path) -> None:
    with serving(encoded("mpegts", 100)) as port:
        process = start(f"tcp://127.0.0.1:{port}", "--masks", "masks", "--timeout", "5", *flags)
        out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == code
    assert report["ended"]["how"] == "lost"
    assert report["ended"]["reason"]
    assert err.count("error:") == (code == 3)
    assert report["frames"] == written(tmp_path / "masks") > 0
    assert report["frames"] + sum(report["skipped"].values()) <= 100


SMALL_DISK = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # of each file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing fails, as on a full disk
from edgeseg_launcher import main
main()
"""


def test_a_video_that_cannot_grow_is_exit_code_2_and_masks_go_on(start: Run, long_video: Path, tmp_path: Path) -> None:
    arguments = (long_video, "--out", "out.mkv", "--masks", "masks", "--max-frames", "800")
    process = start(*arguments, prefix=(sys.executable, "-c", SMALL_DISK, "run"))
    out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == 2, err
    assert len(report["failures"]) == 1
    assert err.count("error:") == 1
    assert report["ended"]["how"] == "stopped"
    assert report["frames"] == written(tmp_path / "masks") == 800
