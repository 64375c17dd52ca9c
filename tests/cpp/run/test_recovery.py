"""Recordings that a killed process left: either program finishes its own and the other's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest

from edgeseg.video.recovery import finish_orphans
from tests.cpp.run.process import SECONDS, Start, complaint, report, with_faults
from tests.cpp.run.test_recording import noise
from tests.video.namespace import Loopback, free_port, wait_until

FREE = "0123456789abcdef"

UNLINK = ["?unlink,unlinkat:error=EPERM"]


def part_of(folder: Path, container: str) -> Path | None:
    return next(folder.glob(f".out.*.part.{container}"), None)


def recorded(folder: Path, container: str) -> bool:
    """Whether more than a header is there."""
    part = part_of(folder, container)
    return part is not None and part.stat().st_size > 20_000


def frames(path: Path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


@pytest.fixture(params=["mkv", "mp4", "webm"])
def killed(request: pytest.FixtureRequest, start: Start, servers: Loopback, tmp_path: Path) -> Path:
    """What a recording to out.mkv or the like left whose process was killed after some seconds of it."""
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--out", f"out.{request.param}")
    wait_until(lambda: recorded(tmp_path, request.param), SECONDS)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    assert not (tmp_path / f"out.{request.param}").exists()
    left = part_of(tmp_path, request.param)
    assert left is not None
    return left


def test_the_next_start_finishes_it(killed: Path, start: Start, tmp_path: Path) -> None:
    out = tmp_path / f"out{killed.suffix}"
    noise(tmp_path / "in.mkv", 3)
    found, said = report_and_said(start("in.mkv", "--out", "next.mkv"))
    assert said == [f"a recording was left unfinished; it is {out.name} now, playable to its last second"]
    assert found["warnings"] == []
    assert frames(out) > 1
    assert frames(tmp_path / "next.mkv") == 3
    assert list(tmp_path.glob(".*")) == []


def test_python_finishes_it(killed: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out{killed.suffix}"
    assert finish_orphans(tmp_path) == [
        f"a recording was left unfinished; it is {out} now, playable to its last second"
    ]
    assert frames(out) > 1


def test_a_start_with_the_same_name_keeps_both(killed: Path, start: Start, tmp_path: Path) -> None:
    out = tmp_path / f"out{killed.suffix}"
    noise(tmp_path / "in.mkv", 3)
    found = report(start("in.mkv", "--out", out.name))
    assert found["outputs"] == [out.name]
    assert frames(out) == 3
    assert frames(tmp_path / f"out.recovered-1{killed.suffix}") > 1


def test_a_name_that_a_living_process_writes_is_refused(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--out", "out.mkv")
    wait_until(lambda: recorded(tmp_path, "mkv"), SECONDS)
    noise(tmp_path / "in.mkv", 3)
    assert "out.mkv is being written by another process" in complaint(start("in.mkv", "--out", "out.mkv"))
    process.send_signal(signal.SIGTERM)
    report(process)
    assert frames(tmp_path / "out.mkv") >= 1


def test_what_was_finished_is_said_where_the_run_fails(killed: Path, start: Start, tmp_path: Path) -> None:
    noise(tmp_path / "in.mkv", 3)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "old.png").touch()
    process = start("in.mkv", "--out", "next.mkv", "--masks", "masks")
    out, error = process.communicate(timeout=SECONDS)
    assert (out, process.returncode) == ("", 2)
    assert error.splitlines()[0] == (
        f"edgeseg: a recording was left unfinished; it is out{killed.suffix} now, playable to its last second"
    )
    assert "error: " in error


@pytest.mark.parametrize("name", ["./out.mkv", ".//out.mkv", "folder//out.mkv", "folder/../out.mkv", "link/../out.mkv"])
def test_a_name_has_many_spellings(start: Start, tmp_path: Path, name: str) -> None:
    """What was left beside it is found, and what is recovered is not replaced by what is recorded next."""
    noise(tmp_path / "in.mkv", 30)
    report(start("in.mkv", "--out", "whole.mkv"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "other" / "place").mkdir(parents=True)
    (tmp_path / "link").symlink_to("other/place")
    folder = {"link": tmp_path / "other", "folder//out.mkv": tmp_path / "folder"}.get(
        name if "//" in name else name.partition("/")[0], tmp_path
    )
    (tmp_path / "whole.mkv").rename(folder / f".out.{FREE}.part.mkv")
    found, said = report_and_said(start("in.mkv", "--out", name, "--overwrite", "--max-frames", "1"))
    assert len(said) == 1
    assert "it is " in said[0]
    assert found["outputs"] == [name]
    assert list(folder.glob(".out.*")) == []
    assert frames(folder / "out.mkv") == 1
    assert frames(folder / "out.recovered-1.mkv") == 30


@pytest.mark.parametrize("container", ["mkv", "mp4"])
@pytest.mark.parametrize(
    "fault",
    [
        ["pread64:error=EIO", "read:error=EIO"],
        ["pread64:error=EIO:when=2+", "read:error=EIO"],
        ["?fstat,newfstatat:error=EIO:when=4+", "pread64:error=EIO"],
        UNLINK,
    ],
    ids=["disk", "later", "size", "unlink"],
)
def test_a_disk_that_cannot_be_read_keeps_it(
    program: Path, start: Start, tmp_path: Path, fault: list[str], container: str
) -> None:
    """By strace, which lets calls fail that concern this file: the fourth look asks for its size, before the cut."""
    if "fstat" in fault[0] and container != "mp4":
        pytest.skip("the size of MP4 alone is asked for")
    noise(tmp_path / "in.mkv", 30)
    report(start("in.mkv", "--out", f"whole.{container}"))
    part = tmp_path / f".out.{FREE}.part.{container}"
    content = (tmp_path / f"whole.{container}").read_bytes()
    if fault == UNLINK:
        content = b"\0" * 16  # without a picture
    part.write_bytes(content)
    done = with_faults(program, part, fault, "in.mkv", "--out", "next.mkv", "--max-frames", "1")
    assert done.returncode == 0, done.stderr
    reason = "Operation not permitted" if fault == UNLINK else "Input/output error"
    assert f"edgeseg: {part.name}, which was left unfinished, cannot be finished: {reason}\n" in done.stderr
    if fault != UNLINK:
        assert part.read_bytes() == content
        assert len(finish_orphans(tmp_path)) == 1
        assert frames(tmp_path / f"out.{container}") == 30


def test_a_call_that_a_signal_interrupts_is_made_again(program: Path, start: Start, tmp_path: Path) -> None:
    noise(tmp_path / "in.mkv", 30)
    report(start("in.mkv", "--out", "whole.mp4"))
    part = tmp_path / f".out.{FREE}.part.mp4"
    (tmp_path / "whole.mp4").rename(part)
    fault = ["pread64:error=EINTR:when=1+2"]
    done = with_faults(program, part, fault, "in.mkv", "--out", "next.mkv", "--max-frames", "1")
    assert "it is out.mp4 now" in done.stderr
    assert frames(tmp_path / "out.mp4") == 30


def report_and_said(process: subprocess.Popen[str]) -> tuple[dict[str, Any], list[str]]:
    """The report, and what stood on stderr before it."""
    out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, error
    return json.loads(out), [line.removeprefix("edgeseg: ") for line in error.splitlines()]


@pytest.mark.parametrize("container", ["mkv", "mp4", "webm"])
def test_both_make_the_same_of_what_is_cut_anywhere(start: Start, tmp_path: Path, container: str) -> None:
    """What is whole of it gets its name, what holds no picture goes, and what is no recording stays."""
    noise(tmp_path / "in.mkv", 60)
    report(start("in.mkv", "--out", f"whole.{container}"))
    content = (tmp_path / f"whole.{container}").read_bytes()
    python, cpp = tmp_path / "python", tmp_path / "cpp"
    python.mkdir()
    for share in (0, 1, 5, 300, 500, 770, 900, 1000):
        (python / f".{share}.{FREE}.part.{container}").write_bytes(content[: share * len(content) // 1000])
    if container == "mp4":  # a fragment without its pictures
        moof = content.rindex(b"moof") - 4
        length = int.from_bytes(content[moof : moof + 4], "big")
        (python / f".moof.{FREE}.part.mp4").write_bytes(content[: moof + length])
    secret = tmp_path / "whole.mkv"
    (python / f".list.{FREE}.part.{container}").write_text(f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    for name in (f".short.0123.part.{container}", f".{FREE}.part.{container}", f".text.{FREE}.part.txt", "part.mkv"):
        (python / name).write_bytes(b"something else")
    os.mkfifo(python / f".pipe.{FREE}.part.{container}")
    (python / f".link.{FREE}.part.{container}").symlink_to(tmp_path / "in.mkv")
    copy_all(python, cpp)

    sentences = finish_orphans(python, spare=python / "new.mkv")
    _, said = report_and_said(start("in.mkv", "--out", "cpp/new.mkv", "--max-frames", "1"))
    assert said == [sentence.replace(f"{python}/", "cpp/") for sentence in sentences]
    assert len(sentences) >= 4
    (cpp / "new.mkv").unlink()
    assert listing(cpp) == listing(python)


def copy_all(source: Path, target: Path) -> None:
    """A copy of a folder, links and pipes included."""
    target.mkdir()
    for path in source.iterdir():
        if path.is_symlink():
            (target / path.name).symlink_to(path.readlink())
        elif path.is_fifo():
            os.mkfifo(target / path.name)
        else:
            shutil.copy(path, target)


def listing(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}
