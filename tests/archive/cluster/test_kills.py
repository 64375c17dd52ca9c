"""`edgeseg batch --ray` on two nodes, where workers and a node are killed: the results are those of a local run.

One worker and one node are killed on any machine of four cores. On two, that takes a minute or two, and beside other
tests Ray may not start in time: `make ray` has it done. EDGESEG_RAY says how many kills at random moments follow.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("edgeseg.archive.cluster.connection", reason="clusters need Ray: pip install 'edgeseg[ray]'")

from edgeseg.processor import available_cores
from tests.archive.conftest import results

KILLS = int(os.environ.get("EDGESEG_RAY", "0"))
long = pytest.mark.skipif(KILLS == 0, reason="it takes minutes: make ray")
short = pytest.mark.skipif(KILLS == 0 and available_cores() < 4, reason="a cluster needs four cores, or make ray")

SECONDS = 240
"""That a run may take, at most, for each kill."""


class TwoNodes:
    """A cluster in a process of its own.

    Attributes:
        address: of its head.
        nodes: their process ids.
    """

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("two_nodes.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._hear()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"address"'):  # Ray prints there too
                told = json.loads(line)
                self.address: str = told["address"]
                self.nodes: list[int] = told["nodes"]
                return
        raise AssertionError("the cluster did not start")

    def kill_node(self) -> None:
        """Kills the second node, and adds another."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._hear()

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=60)

    def workers(self, *nodes: int) -> list[int]:
        """Processes of the workers on these nodes, by their titles."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                title = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if parent in nodes and title.startswith(b"ray::Actor"):
                found.append(int(folder.name))
        return found


def pieces(folder: Path) -> dict[str, int]:
    """The finished pieces of a video and the inode of each, by which one that is written again shows."""
    found = {}
    for number in range(1000):
        with suppress(OSError):
            found[f"{number:04d}"] = (folder / f"{number:04d}/frames.parquet").stat().st_ino
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    made = TwoNodes()
    yield made
    made.close()


@contextmanager
def running(videos: Path, out: Path, tiny: str, address: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, with two workers and pieces of 20 frames."""
    command = ["batch", str(videos), "--out", str(out), "--bundle", tiny, "--engine", "onnxruntime", "--piece", "0.8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeseg", *command, "--ray", address, "--workers", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def watch(process: subprocess.Popen[str], folder: Path, seconds: float) -> Iterator[int]:
    """How many pieces there are, again and again until the process ends; none of them may be written twice."""
    deadline = time.monotonic() + seconds
    seen: dict[str, int] = {}
    while process.poll() is None:
        assert time.monotonic() < deadline, "the run hangs"
        now = pieces(folder)
        again = {path for path, inode in now.items() if seen.get(path, inode) != inode}
        assert not again, "a piece was written twice"
        seen |= now
        yield len(seen)
        time.sleep(0.02)


@short
def test_a_worker_and_a_node_are_killed(
    cluster: TwoNodes, batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tiny: str, tmp_path: Path
) -> None:
    """The first node's worker, and with the second node the other: both are started again."""
    video = make_video(tmp_path / "in.mp4", 600, size=(480, 272), group=20)
    out = tmp_path / "out"
    killed = None
    with running(video, out, tiny, cluster.address) as process:
        for finished in watch(process, out / ".batch/in.mp4", SECONDS):
            if killed is None and finished >= 2 and (victims := cluster.workers(cluster.nodes[0])):
                os.kill(victims[0], signal.SIGKILL)
                cluster.kill_node()
                killed = finished
        printed, said = process.communicate()
    assert process.returncode == 0, said
    report = json.loads(printed)
    assert killed is not None
    assert killed < 30
    assert (report["finished"], report["frames"], report["failures"]) == (1, 600, [])
    assert batch(video, out=tmp_path / "whole")["code"] == 0
    assert results(out) == results(tmp_path / "whole")


@long
def test_workers_and_a_node_are_killed(
    cluster: TwoNodes, batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tiny: str, tmp_path: Path
) -> None:
    chance = random.Random(int(os.environ.get("EDGESEG_SEED", "0")))
    (tmp_path / "in/deep").mkdir(parents=True)
    frames = 400 + 400 * KILLS
    make_video(tmp_path / "in/long.mp4", frames, size=(640, 368), group=20)
    make_video(tmp_path / "in/deep/short.mp4", 30)
    whole = batch(tmp_path / "in", out=tmp_path / "whole", workers=1, piece=0.8)
    assert (whole["code"], whole["frames"]) == (0, frames + 30)

    out = tmp_path / "out"
    kills: list[str] = []
    moments = sorted(chance.uniform(1, 0.9 * frames / 20) for _ in range(KILLS))
    with running(tmp_path / "in", out, tiny, cluster.address) as process:
        for finished in watch(process, out / ".batch/long.mp4", SECONDS * (1 + KILLS)):
            if len(kills) < KILLS and finished > moments[len(kills)]:
                time.sleep(chance.random() / 10)
                if len(kills) % 2:
                    cluster.kill_node()
                    kills.append("node")
                elif victims := cluster.workers(*cluster.nodes):
                    os.kill(chance.choice(victims), signal.SIGKILL)
                    kills.append("worker")
        printed, said = process.communicate()
    assert process.returncode == 0, said
    report = json.loads(printed)
    assert len(kills) == KILLS, "the run ended before all were killed"
    assert (report["finished"], report["frames"], report["failures"]) == (2, frames + 30, [])
    assert results(out) == results(tmp_path / "whole")
    print(f"{kills}, {report['seconds']:.1f} s; without, one process here: {whole['seconds']:.1f} s")  # pytest -s


@long
def test_a_folder_that_no_other_machine_sees(
    cluster: TwoNodes, make_video: Callable[..., Path], tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where --out lies on a disk of the driver's machine: the driver ends, and says so."""
    video = make_video(tmp_path / "in.mp4", 8)
    monkeypatch.chdir(tmp_path)
    other = Path("/proc/self/cwd/out")  # which each process sees in its own folder
    with running(video, other, tiny, cluster.address) as process:
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "as this machine does; put videos and --out on a file system that all machines share" in said
    assert len(said.splitlines()) == 1
