"""What `edgeseg run` refuses, edgeseg-run refuses too: the same exit code, one sentence of the same content, nothing
written.

Each row is asked of both programs. Python's runs in this process, which saves its start.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.artifact import SHIPPED
from edgeseg.cli import main
from edgeseg.commands.run import run_command
from tests.cpp.run.process import SECONDS

Both = Callable[..., tuple[str, str]]

NETWORK = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32"]

OWN = ("--bundle", "--engine", "--precision")


@pytest.fixture
def both(
    program: Path, lossless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Both:
    """`both(*words)`: what Python and C++ say to a command line that is wrong, in a folder of traps."""
    set_traps(tmp_path, lossless)
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> tuple[str, str]:
        surplus = [] if {word.partition("=")[0] for word in words} & {*OWN} else NETWORK
        command = [*surplus, *words]
        before = contents(tmp_path)
        monkeypatch.setattr(sys, "argv", ["edgeseg", "run", *command])
        with pytest.raises(SystemExit) as end:
            main()
        python = capsys.readouterr()
        done = subprocess.run([program, *command], capture_output=True, timeout=SECONDS)
        said = done.stderr.decode("utf-8", "backslashreplace")
        assert (end.value.code, done.returncode) == (2, 2), (python.err, said)
        assert (python.out, done.stdout) == ("", b"")
        for each in (python.err, said):
            assert each.startswith("error: ")
            assert each.count("\n") == 1
        assert contents(tmp_path) == before
        return python.err, said

    return ask


def set_traps(folder: Path, video: Path) -> None:
    (folder / "street.mkv").symlink_to(video)
    (folder / "there.mp4").write_text("old")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video" * 100)
    (folder / "stream.sdp").write_text("v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 26\n")
    (folder / "vid.jpg").write_bytes(video.read_bytes()[:1000])
    (folder / "full").mkdir()
    (folder / "full/000000.png").touch()
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "camera").symlink_to("/dev/video77")
    (folder / "98").touch()
    (folder / "unplugged").symlink_to("/dev/v4l/by-id/usb-camera-index0")
    (folder / "device.mp4").symlink_to("/dev/full")
    os.mkfifo(folder / "pipe")
    (folder / "secret").write_text("user:word")
    (folder / "secret").chmod(0o644)
    (folder / "login").write_text("user:word")
    (folder / "login").chmod(0o600)
    (folder / "short").write_text("word")
    (folder / "short").chmod(0o600)


def contents(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*")}


TABLE: dict[str, list[list[str]]] = {
    # what both say: command lines
    "--maxframes --max-frames": [["street.mkv", "--maxframes", "3"]],
    "--jsno --json": [["street.mkv", "--jsno"]],
    "-x": [["street.mkv", "-x"]],
    "--json": [["street.mkv", "--json", "--json"], ["street.mkv", "--json=maybe"]],
    "--max-frames": [
        ["street.mkv", "--max-frames", "1", "--max-frames", "2"],
        ["street.mkv", "--max-frames"],
        ["street.mkv", "--max-frames", "--json"],
        ["street.mkv", "--max-frames="],
    ],
    "whole number": [
        *(
            ["street.mkv", f"--max-frames={word}"]
            for word in (" 1", "1.5", "1e0", "0x1", "nan", "9" * 30, "1 2", "\u0663")
        ),
    ],
    "at least 1": [
        *(["street.mkv", option, word] for option in ("--max-frames", "--workers") for word in ("0", "-1")),
    ],
    "64 workers": [["street.mkv", "--workers", "100000"]],
    "threads": [["street.mkv", "--threads", word] for word in ("100000", "0", "-2")],
    "alpha": [["street.mkv", "--alpha", word] for word in ("1.1", "-0.1", "nan", "inf", "0x0.8p0", "0,5", "half")],
    "timeout 86400": [["street.mkv", "--timeout", word] for word in ("0", "-1", "1e9")],
    "0.1 3600": [["street.mkv", option, word] for option in ("--stall-after",) for word in ("0", "1e5")],
    "above 0": [["street.mkv", "--reconnect", "--give-up-after", "0"]],
    "reconnect": [
        *(["street.mkv", option, "3"] for option in ("--give-up-after", "--stall-after")),
        ["street.mkv", "--reconnect"],
    ],
    "--mode throughput latency": [["street.mkv", "--mode", word] for word in ("fast", "LATENCY", "lat")],
    "--precision fp32 fp16 int8 int8-7bit": [
        ["street.mkv", "--precision", word, *NETWORK[:4]] for word in ("int4", "FP32")
    ],
    "no artifact onnxruntime fp16": [["street.mkv", "--precision", "fp16", *NETWORK[:4]]],
    "engine tensorflow": [["street.mkv", "--engine", "tensorflow", *NETWORK[:2]]],
    "NAME=VALUE": [["street.mkv", "--source-option", word] for word in ("nonsense", "=x")],
    "--source-option video files and URLs": [
        [source, "--source-option", "video_size=640x480"] for source in ("0", "v4l2src ! appsink")
    ],
    "empty": [
        [""],
        [" \t"],
        ["street.mkv", "--out", ""],
        ["street.mkv", "--masks", " "],
        ["street.mkv", "--bundle="],
        ["empty.mp4"],
    ],
    "credentials": [["http://127.0.0.1:9/", "--credentials", each] for each in ("nothing", "user:word")],
    "credentials no file": [["http://127.0.0.1:9/", "--credentials", each] for each in ("pipe", "/dev/zero")],
    "credentials chmod 600": [["http://127.0.0.1:9/", "--credentials", "secret"]],
    "user:password first line": [["http://127.0.0.1:9/", "--credentials", "short"]],
    "--credentials is for URLs, as is not": [
        [source, "--credentials", "login"] for source in ("street.mkv", "0", "v4l2src ! appsink")
    ],
    "--credentials is for a URL without user and password, and ***@ has its own": [
        ["rtsp://me:secret@127.0.0.1:9/", "--credentials", "login"]
    ],
    "no file PEM --ca": [["https://127.0.0.1:9/", "--ca", "nothing.pem"]],
    "--ca is for servers with certificates (https://, rtsps://, tls://, rtmps://), as is none; leave it out": [
        [source, "--ca", "login"] for source in ("street.mkv", "0", "v4l2src ! appsink", "rtsp://127.0.0.1:9/")
    ],
    "--insecure is for servers with certificates": [
        [source, "--insecure"] for source in ("street.mkv", "0", "v4l2src ! appsink", "http://127.0.0.1:9/")
    ],
    "--ca is what servers are verified against, and insecure": [
        ["https://127.0.0.1:9/", "--ca", "login", "--insecure"]
    ],
    "does not exist": [
        *([name] for name in ("nowhere.mp4", "street.mkv/x", "loop.mp4", "pipe:0", "a" * 200)),
        *([name] for name in ("file:street.mkv", "file:///nowhere.mp4")),
    ],
    "names a host file:///PATH": [["file://host/a.mp4"], ["FILE://a.mp4"]],
    "cannot read too long": [["a" * 300], ["a/" * 2500]],
    "camera 99 is not there no /dev/video99": [["99"], ["/dev/video99"]],
    "camera 98 is not there the file of that name is ./98": [["98"]],
    "camera 77 is not there no /dev/video77 found": [["camera"]],
    "camera is not there no such device": [["/dev/v4l/by-id/usb-nothing"], ["unplugged"]],
    "device or pipe regular file": [["/dev/null"], ["/dev/zero"], ["pipe"], ["device.mp4"]],
    "no video that can be decoded": [["text.mp4"]],
    "description of a stream (SDP) http://": [["stream.sdp"]],
    "refused the connection": [
        [url] for url in ("http://127.0.0.1:9/", "rtsps://127.0.0.1:9/x", "RTSP://me@127.0.0.1:9/", "Http://[::1]:9")
    ],
    "begins with foo://": [["foo://bar"]],
    "names no host HOST/PATH": [["rtsp://"], ["http:///x"], ["RTSP://user:secret@/x", "--reconnect"]],
    "names no host HOST/PATH rtmp": [["rtmp:///live"]],
    "names no port HOST:PORT": [
        *[[url] for url in ("udp://127.0.0.1", "tcp://[::1]", "rtsp://127.0.0.1:0/x", "http://127.0.0.1:/x")],
        ["rtp://@239.0.0.1:0?ttl=1", "--reconnect"],
    ],
    "no host and port that can be read [::1]:554": [
        [url] for url in ("rtsp://::1:554/x", "http://[::1/x", "http://[]/", "tcp://a:five", "tcp://[::1]a:9")
    ],
    "not known here": [["http://192.168.1..20/"], ["http://" + "a" * 64]],
    "port above 65535": [["rtsp://127.0.0.1:99999/x", "--reconnect"], ["tcp://127.0.0.1:065536"]],
    "begins with v4l2:// /dev/videoN": [["v4l2:///dev/video0"]],
    "already exists --overwrite {time:%H-%M-%S}": [["street.mkv", "--out", "there.mp4"]],
    "is the source itself": [["street.mkv", "--out", "street.mkv", "--overwrite"]],
    "would replace": [["street.mkv", "--masks", "street.mkv", "--overwrite"]],
    "both name new.mp4": [["street.mkv", "--out", "new.mp4", "--masks", "./new.mp4"]],
    "no such folder": [["street.mkv", "--out", "nowhere/a.mp4"], ["street.mkv", "--out", "there.mp4/a.mp4"]],
    "ends in .mp4 .mkv .webm": [["street.mkv", "--out", each] for each in ("a.avi", "a", ".mp4", "a.png", "/dev/full")],
    "too long": [["street.mkv", "--out", "a" * 260 + ".mp4"], ["street.mkv", "--masks", "a" * 300]],
    "device or pipe name of a file": [["street.mkv", "--out", "device.mp4", "--overwrite"]],
    "braces {time:%Y-%m-%dT%H-%M-%S}": [
        ["street.mkv", option, each]
        for option in ("--out", "--masks")
        for each in ("{x}.mp4", "{.mp4", "}.mp4", "{time!r}.mp4", "{time:{x}}.mp4", "{}.mp4")
    ],
    "holds 1 file already --overwrite {time:%H-%M-%S}": [["street.mkv", "--masks", "full"]],
    "cannot make the folder for masks": [["street.mkv", "--masks", each] for each in ("there.mp4", "pipe", "/proc/m")],
    "no bundle comes with ./nothing": [["street.mkv", "--bundle", "nothing"]],
    "no bundle comes with ./full": [["street.mkv", "--bundle", "full"]],
    "bundle.json is not there": [["street.mkv", "--bundle", "./full"]],
    "there.mp4 is no folder, as a bundle is": [["street.mkv", "--bundle", "./there.mp4"]],
    "http://***@h/x is a URL, expected a folder": [["street.mkv", "--bundle", "http://user:secret@h/x"]],
}


@pytest.mark.parametrize("words", TABLE)
def test_both_refuse_it(both: Both, words: str) -> None:
    for row in TABLE[words]:
        for said in both(*row):
            lacking = [word for word in words.split(" ") if word not in said]
            assert not lacking, said
            assert "secret@" not in said


def test_an_option_that_ffmpeg_does_not_have(program: Path, lossless: Path) -> None:
    for source in (str(lossless), "rtsp://127.0.0.1:9/x"):
        for name in ("rtsp_transprot", "RTSP_TRANSPORT"):
            row = [str(program), source, *NETWORK, "--source-option", f"{name}=udp"]
            done = subprocess.run(row, capture_output=True, text=True, timeout=SECONDS)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
            assert f"FFmpeg has no option {name}," in done.stderr


def test_options_that_ffmpeg_has(program: Path, lossless: Path) -> None:
    for name, value in {"analyzeduration": "100000", "skip_frame": "default", "user_agent": "edgeseg"}.items():
        row = [str(program), str(lossless), *NETWORK, "--source-option", f"{name}={value}", "--max-frames", "1"]
        done = subprocess.run(row, capture_output=True, text=True, timeout=SECONDS)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("before", ["file://", "file:", "FILE://LocalHost"])
def test_no_output_replaces_the_file_of_a_url(both: Both, tmp_path: Path, before: str) -> None:
    for said in both(f"{before}{tmp_path}/str%65et.mkv", "--out", "street.mkv", "--overwrite"):
        assert "is the source itself" in said
    for said in both(f"{before}{tmp_path}/street.mkv", "--reconnect"):
        assert "reconnect" in said


def test_what_a_terminal_would_obey_is_written_out(both: Both) -> None:
    for name in ("\x1b[31m", "\x9b", "\u202e", "a\nb", "\x07"):
        for said in both(f"nowhere{name}.mp4"):
            assert name not in said
            assert f"nowhere{name.encode('unicode_escape').decode()}.mp4" in said


def test_a_long_port_is_no_crash(program: Path) -> None:
    """std::regex follows a long text by recursion, and the stack ends."""
    done = subprocess.run([program, f"rtsp://h:{'9' * 120_000}/x"], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 2
    assert "port above 65535" in done.stderr


def test_a_folder_that_is_gone_is_no_crash(program: Path, tmp_path: Path) -> None:
    gone = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh"]
    row = [str(program), str(tmp_path / "street.mkv"), "--out", "a.mp4", "--masks", "b"]
    done = subprocess.run([*gone, *row], capture_output=True, text=True, cwd=tmp_path, timeout=SECONDS)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "unforeseen" not in done.stderr


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], "got no source"),
        (["street.mkv", "street.mkv"], "got two sources"),
        (["."], "is a folder"),
        (["vid.jpg"], "is a picture"),
        (["vid.jfif"], "is a picture"),
        (["img%04d.png"], "stands for numbered pictures"),
        (["street.mkv", "--engine", "auto"], "`edgeseg run` does alone"),
        (["street.mkv", "--show"], "`edgeseg run` has it"),
        (["-"], "has no option -"),
        (["street.mkv", "--no-json"], "has no option --no-json"),
    ],
    ids=str,
)
def test_what_only_python_does_is_refused(program: Path, tmp_path: Path, row: list[str], words: str) -> None:
    for name in ("vid.jpg", "vid.jfif"):
        (tmp_path / name).touch()
    done = subprocess.run([program, *row], capture_output=True, text=True, cwd=tmp_path, timeout=SECONDS)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


def test_every_option_of_python_is_there_or_named(program: Path) -> None:
    """So that one that is new in Python is not called a typing error."""
    listed = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for name in inspect.signature(run_command).parameters:
        option = f"--{name.replace('_', '-')}"
        if name == "source" or re.search(rf"^  {option}\b(?!-)", listed, re.MULTILINE):
            continue
        done = subprocess.run([program, "a.mp4", option, "1"], capture_output=True, text=True)
        assert done.stderr == f"error: edgeseg-run has no {option}; `edgeseg run` has it\n"
        assert done.returncode == 2
