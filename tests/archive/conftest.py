"""Small videos of moving pictures, with key frames at known places, and the command that segments many of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.commands.batch import batch_command
from edgeseg.spec import Spec

if TYPE_CHECKING:
    from tests.archive.buckets import Server

SIZE = (96, 64)


def write_video(
    path: Path,
    count: int = 40,
    codec: str = "libx264",
    group: int = 10,
    size: tuple[int, int] = SIZE,
    options: dict[str, str] | None = None,
    seed: int = 0,
) -> Path:
    """A video of blurred noise that moves, in groups of pictures of `group` frames, 25 a second."""
    random = np.random.default_rng(seed)
    width, height = size
    scene = random.integers(0, 256, (height // 8, width // 8 + count, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = group
        for number in range(count):
            picture = np.ascontiguousarray(scene[:, 3 * number : 3 * number + width])
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """`make_video(path, count, codec, group, size, options, seed)` writes a video of moving pictures."""
    return write_video


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Bundle], spec: Spec) -> str:
    """The folder of a tiny bundle."""
    folder = tmp_path_factory.mktemp("archive") / "bundle"
    make_bundle(folder, spec)
    return str(folder)


@pytest.fixture
def batch(tiny: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """`batch(videos, out=..., ...)`: the command with the tiny network, two workers; its JSON, with its exit code."""

    def call(*videos: Path, **options: Any) -> dict[str, Any]:
        options = {"bundle": tiny, "engine": "onnxruntime", "workers": 2, "json": True, **options}
        code = batch_command(*videos, **options)
        printed, said = capsys.readouterr()
        report: dict[str, Any] = json.loads(printed)
        return {**report, "code": code, "said": said}

    return call


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that speaks as S3 does."""
    from tests.archive.buckets import serving

    with serving() as it:
        yield it


@pytest.fixture
def environment(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As AWS's tools have it; temporary files in a folder of their own, which is empty again at the end."""
    from edgeseg.archive import bucket

    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    bucket.system.cache_clear()
    yield
    bucket.system.cache_clear()
    assert list(folder.iterdir()) == []


Batch = Callable[..., dict[str, Any]]


def results(folder: Path) -> dict[str, bytes]:
    """Every file that is there to stay, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".batch" not in path.parts}


def start(video: Path, out: Path, tiny: str, piece: float = 0.4) -> subprocess.Popen[bytes]:
    """The command in a process of its own, two workers and pieces of 10 frames, or of so many seconds."""
    command = ["batch", str(video), "--out", str(out), "--bundle", tiny, "--engine", "onnxruntime"]
    return subprocess.Popen(
        [sys.executable, "-m", "edgeseg", *command, "--piece", str(piece), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def pieces(out: Path) -> dict[str, int]:
    """The finished pieces: the inode of each, by which one that is written again shows.

    Folders of unfinished ones, which vanish at any time, are not looked into.
    """
    tables = (out / ".batch").glob("*/[0-9][0-9][0-9][0-9]/frames.parquet")
    return {str(path.parent): path.stat().st_ino for path in tables}
