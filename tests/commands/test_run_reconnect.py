"""`edgeseg run --reconnect` as a process: what it records over gaps, what it reports, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.processes import processes
from tests.video.namespace import Loopback, free_port, wait_until

pytestmark = pytest.mark.skipif(
    not os.environ.get("EDGESEG_FAULTS"), reason="servers that fail take minutes and an idle machine: make faults"
)

SECONDS = 120.0
"""After which a test gives up."""

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Iterator[Run]:
    """`start(source, ...)`: `edgeseg run --reconnect` as a process of its own."""
    (tmp_path / "bundle").mkdir()
    bundle = make_bundle(tmp_path / "bundle" / "tiny", spec).folder
    with processes() as started:

        def run(*arguments: object) -> subprocess.Popen[str]:
            command = [str(Path(sys.executable).with_name("edgeseg")), "run", *map(str, arguments)]
            process = subprocess.Popen(
                [*command, "--reconnect", "--json", "--bundle", str(bundle), "--engine", "onnxruntime"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
            )
            started.append(process)
            return process

        yield run


def written(masks: Path) -> int:
    return sum(1 for path in masks.glob("[!.]*.png")) if masks.is_dir() else 0


def descendants(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += map(int, (task / "children").read_text().split())
    return children


def memory_of(pid: int) -> set[str]:
    """What the process maps of shared memory."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[-1].strip() for line in lines if "edgeseg-frames" in line or "/dev/shm/" in line}


def left_in_shm(*pids: int) -> list[Path]:
    """What lies under the names of these processes; others' tests have theirs there."""
    return [path for path in Path("/dev/shm").iterdir() if any(str(pid) in path.name for pid in pids)]


def test_a_recording_goes_on_over_a_gap(start: Run, loopback: Loopback, tmp_path: Path) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}", "--out", "out.mp4", "--masks", "masks", "--stall-after", "1")
    wait_until(lambda: written(tmp_path / "masks") > 20, SECONDS)
    loopback.stop(server)
    time.sleep(3)
    before = written(tmp_path / "masks")
    time.sleep(0.5)
    assert written(tmp_path / "masks") == before  # nothing is made up meanwhile
    loopback.start("mjpeg", port)
    wait_until(lambda: written(tmp_path / "masks") > before + 20, SECONDS)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert report["frames"] == written(tmp_path / "masks")
    connection = report["connection"]
    assert connection["gaps"] == 1
    assert connection["reconnects"]["closed"] == 1
    assert connection["reconnects"]["refused"] >= 1
    assert connection["gap_seconds"] > 3
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
    assert len(times) == report["frames"]
    widest = max(later - earlier for earlier, later in pairwise(times))
    assert widest == pytest.approx(connection["gap_seconds"], abs=0.5)
    assert [line.rpartition(" is ")[2] for line in err.splitlines() if line.endswith(" is live")] == ["live", "live"]
    assert "closed the connection" in err


def test_nothing_is_left_of_a_run_that_is_killed(start: Run, loopback: Loopback, tmp_path: Path) -> None:
    """Its child ends with it, also one that is stopped, and with both the frames' memory, which has no name."""
    port = free_port()
    loopback.start("mjpeg", port)
    for stopped in (False, True):
        process = start(f"http://127.0.0.1:{port}", "--masks", f"masks-{stopped}")
        wait_until(lambda: written(tmp_path / f"masks-{stopped}") > 5, SECONDS)  # noqa: B023
        (child,) = descendants(process.pid)
        assert memory_of(child) == memory_of(process.pid) == {"/memfd:edgeseg-frames (deleted)"}
        assert not left_in_shm(process.pid, child)
        if stopped:
            os.kill(child, signal.SIGSTOP)
        process.kill()
        process.wait()
        wait_until(lambda: not Path(f"/proc/{child}").exists() or is_dead(child), SECONDS)  # noqa: B023


def is_dead(pid: int) -> bool:
    """Whether it only waits to be noticed by whoever inherited it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_signal_ends_the_wait_for_a_server_that_never_comes(start: Run) -> None:
    process = start(f"http://127.0.0.1:{free_port()}")
    assert process.stderr is not None
    assert "refused the connection" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    assert (out, err) == ("", "")


@pytest.mark.parametrize(("flags", "code"), [((), 3), (("--tolerate-loss",), 0)])
def test_giving_up_is_a_loss(start: Run, loopback: Loopback, tmp_path: Path, flags: tuple[str, ...], code: int) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}", "--masks", "masks", "--give-up-after", "2", *flags)
    wait_until(lambda: written(tmp_path / "masks") > 5, SECONDS)
    loopback.stop(server)
    out, err = process.communicate(timeout=SECONDS)
    report = json.loads(out)
    assert process.returncode == code
    assert report["ended"]["how"] == "lost"
    assert "gave no frame for 2 s" in report["ended"]["reason"]
    assert err.count("error:") == (code == 3)
    assert report["connection"]["gaps"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("video.mp4",), "only those are connected again"),
        (("http://127.0.0.1:9", "--stall-after", "0"), "stall_after is 0, expected 0.1 to 3600 seconds"),
        (("http://127.0.0.1:9", "--give-up-after", "-1"), "give_up_after is -1, expected seconds above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(start: Run, arguments: tuple[str, ...], sentence: str) -> None:
    process = start(*arguments)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
