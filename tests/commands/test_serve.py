"""`edgeseg serve` as a process: what it prints, what signals do, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.commands.test_run_reconnect import descendants, is_dead, left_in_shm, memory_of
from tests.processes import processes
from tests.video.namespace import Loopback, free_port, wait_until

SECONDS = 120.0
"""After which a test gives up."""

Serve = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Iterator[Serve]:
    """`serve(text, ...)`: `edgeseg serve cameras.toml` as a process of its own, its output in files."""
    make_bundle(tmp_path / "tiny", spec)
    with processes() as started:

        def run(text: str, *options: str, **environment: str) -> subprocess.Popen[str]:
            write(tmp_path, text)
            command = [str(Path(sys.executable).with_name("edgeseg")), "serve", "cameras.toml", *options]
            with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
                process = subprocess.Popen(
                    command, stdout=out, stderr=err, text=True, cwd=tmp_path, env=os.environ | environment
                )
            started.append(process)
            return process

        yield run


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[list[str]]:
    """What arrives at the socket "notify", read at once as systemd does: one that holds ten messages takes no more."""
    arrived: list[str] = []

    def read() -> None:
        while message := notify.recv(4096):
            arrived.append(message.decode())

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        reader = threading.Thread(target=read)
        reader.start()
        yield arrived
        notify.shutdown(socket.SHUT_RD)
        reader.join()


def write(folder: Path, text: str) -> None:
    (folder / "cameras.toml").write_text('bundle = "./tiny"\nengine = "onnxruntime"\n' + text)


def camera(name: str, port: str) -> str:
    return f'[cameras.{name}]\nsource = "http://admin:geheim@127.0.0.1:{port}"\ntimeout = 5\n'


def events(folder: Path, *names: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "out").read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line["event"] for line in lines if "event" in line and (not names or line["event"]["name"] in names)]


def statuses(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "out").read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line["status"] for line in lines if "status" in line]


def test_a_life_from_ready_over_reloads_to_sigterm(
    serve: Serve, loopback: Loopback, systemd: list[str], tmp_path: Path
) -> None:
    ports = [free_port() for _ in range(4)]
    for port in ports:
        loopback.start("mjpeg", port)
    text = "".join(map(camera, "abcd", ports))
    process = serve(text, "--json", "--every", "0.2", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1500000")
    wait_until(lambda: len(events(tmp_path, "live")) == 4, SECONDS)
    wait_until(lambda: all(each["masks"] >= 5 for each in statuses(tmp_path)[-1]["cameras"]), SECONDS)
    write(tmp_path, text + "max_age = -1\n")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(events(tmp_path, "refused")) == 1, SECONDS)
    write(tmp_path, text + "max_age = 60\n")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(events(tmp_path, "reloaded")) == 1, SECONDS)
    wait_until(lambda: len(events(tmp_path, "live")) == 5, SECONDS)
    children = descendants(process.pid)
    assert len(children) == 4
    wait_until(lambda: sum(each.startswith("READY") for each in systemd) == 3, SECONDS)
    process.send_signal(signal.SIGTERM)
    process.wait(SECONDS)
    wait_until(lambda: systemd[-1].startswith("STOPPING"), SECONDS)
    err = (tmp_path / "err").read_text()
    assert process.returncode == 0, err
    (refused,) = events(tmp_path, "refused")
    assert "cameras.toml, line 15: cameras.d.max_age is -1" in refused["text"]
    assert [event["camera"] for event in events(tmp_path, "live")][4] == "d"
    assert all(each["connection"]["gaps"] == 0 for each in statuses(tmp_path)[-1]["cameras"])
    assert events(tmp_path)[-1]["text"] == "all is finished"
    assert [event["number"] for event in events(tmp_path)] == list(range(1, len(events(tmp_path)) + 1))
    assert systemd[0].startswith("READY=1\nSTATUS=")
    assert systemd[-1] == "STOPPING=1"
    kinds = [each.partition("=")[0] for each in systemd]
    assert kinds.count("RELOADING") == 2
    assert kinds.count("READY") == 3
    assert kinds.count("WATCHDOG") >= 1
    assert err.count("\n") == len(events(tmp_path))
    assert all(line.startswith("time=20") for line in err.splitlines())
    assert "geheim" not in err + (tmp_path / "out").read_text()
    for child in children:
        assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_is_left_of_a_service_that_is_killed(
    serve: Serve, loopback: Loopback, tmp_path: Path, stopped: bool
) -> None:
    ports = [free_port() for _ in range(2)]
    for port in ports:
        loopback.start("mjpeg", port)
    process = serve("".join(map(camera, "ab", ports)), "--json")
    wait_until(lambda: len(events(tmp_path, "live")) == 2, SECONDS)
    children = descendants(process.pid)
    assert len(children) == 2
    assert memory_of(process.pid) == {"/memfd:edgeseg-frames (deleted)"}
    if stopped:
        os.kill(children[0], signal.SIGSTOP)
    process.kill()
    process.wait()
    for child in children:
        wait_until(lambda: not Path(f"/proc/{child}").exists() or is_dead(child), SECONDS)  # noqa: B023
    assert not left_in_shm(process.pid, *children)


def test_ctrl_c_ends_it_while_nobody_answers(serve: Serve, tmp_path: Path) -> None:
    process = serve(camera("gate", free_port()), "--json")
    wait_until(lambda: len(events(tmp_path, "reconnecting")) == 1, SECONDS)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0


def test_what_is_wrong_is_said_before_a_camera_is_opened(serve: Serve, tmp_path: Path) -> None:
    for options in ((), ("--check",)):
        process = serve(camera("gate", "1") + "max_age = -1\n", *options)
        assert process.wait(SECONDS) == 2
        err = (tmp_path / "err").read_text()
        assert err == "error: cameras.toml, line 6: cameras.gate.max_age is -1, expected 0.001 to 86400 seconds\n"
        assert (tmp_path / "out").read_text() == ""


def test_check_prints_what_was_understood(serve: Serve, tmp_path: Path) -> None:
    assert serve(camera("gate", "1"), "--check").wait(SECONDS) == 0
    text = (tmp_path / "out").read_text()
    assert "camera gate: http://***@127.0.0.1:1\n" in text
    assert serve(camera("gate", "1"), "--check", "--json").wait(SECONDS) == 0
    data = json.loads((tmp_path / "out").read_text())
    assert data["cameras"]["gate"]["stall_after"] == 3.0
    assert "geheim" not in text + repr(data)
