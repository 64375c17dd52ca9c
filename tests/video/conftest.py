"""A model that needs no network, and videos of a few frames."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.spec import Spec
from edgeseg.video import scheduling
from tests.video.http_server import Serve, served
from tests.video.namespace import Host, Loopback

HOSTS = itertools.count()

Image = NDArray[np.uint8]


class ShadeModel:
    """Its mask is the green level of the first pixel everywhere; `work` runs in place of a network."""

    threads = 1
    batch = 1
    makes_masks = False

    def __init__(self, spec: Spec, work: Callable[[int], None] = lambda _: None) -> None:
        self.spec = spec
        self.work = work

    def prepare(self, frame: Image, *, out: Image | None = None) -> Image:
        assert out is not None
        assert out.shape == (1, self.spec.height, self.spec.width, 3)
        assert out.dtype == np.uint8
        out[:] = frame[0, 0]
        return out

    def infer(self, tensor: Image) -> int:
        level = int(tensor[0, 0, 0, 1])
        self.work(level)
        return level

    def mask(self, logits: int, width: int, height: int) -> Image:
        return np.full((height, width), logits, np.uint8)

    def overlay(self, logits: int, frame: Image, *, alpha: float = 0.5, mask: Image | None = None) -> Image:
        if mask is not None:
            mask[:] = logits
        return (frame * (1 - alpha)).astype(np.uint8)

    def segment(self, tensor: Image, width: int, height: int) -> Image:
        return self.mask(self.infer(tensor), width, height)

    def paint(self, mask: Image, frame: Image, *, alpha: float = 0.5) -> Image:
        return (frame * (1 - alpha)).astype(np.uint8) + mask[..., np.newaxis]


class SeveralShades(ShadeModel):
    """A ShadeModel that takes several frames at once.

    Attributes:
        groups: levels of the frames of each inference.
    """

    def __init__(self, spec: Spec, batch: int, work: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(spec, work)
        self.batch = batch
        self.groups: list[list[int]] = []

    def infer(self, tensor: Image) -> Image:  # type: ignore[override]
        assert 1 <= len(tensor) <= self.batch
        levels = np.array(tensor[:, 0, 0, 1])
        self.groups.append(levels.tolist())
        for level in self.groups[-1]:
            self.work(level)
        return levels

    def mask(self, logits: Image, width: int, height: int) -> Image:  # type: ignore[override]
        (level,) = logits
        return super().mask(level, width, height)

    def overlay(self, logits: Image, frame: Image, *, alpha: float = 0.5, mask: Image | None = None) -> Image:  # type: ignore[override]
        (level,) = logits
        return super().overlay(level, frame, alpha=alpha, mask=mask)


@pytest.fixture
def make_shade_model(spec: Spec) -> Callable[..., ShadeModel]:
    """`make_shade_model(work)`: a fake model whose inference calls `work(level)`."""
    return lambda *work: ShadeModel(spec, *work)


def shades(count: int, height: int = 6, width: int = 8) -> Iterator[Image]:
    """Grey frames of levels 0, 1, 2 ..."""
    for level in range(count):
        yield np.full((height, width, 3), level % 256, np.uint8)


@pytest.fixture(name="shades")
def shades_fixture() -> Callable[..., Iterator[Image]]:
    """`shades(count)`: grey frames of levels 0, 1, 2 ..."""
    return shades


def write_video(path: Path, count: int = 20, rate: Fraction = Fraction(25), size: tuple[int, int] = (64, 48)) -> Path:
    """An H.264 video of grey frames, 10 levels lighter each, of nearly no loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            image = np.full((size[1], size[0], 3), 10 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def make_video() -> Callable[..., Path]:
    """`make_video(path, count, rate, size)` writes a small video."""
    return write_video


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Fails if a thread of edgeseg outlives the test."""
    yield
    deadline = time.monotonic() + 5
    while left := [thread.name for thread in threading.enumerate() if thread.name.startswith("edgeseg-")]:
        assert time.monotonic() < deadline, f"threads left: {left}"
        time.sleep(0.01)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host of its own, in a network namespace, whose cable can be cut."""
    host = Host(next(HOSTS))
    yield host
    host.remove()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """Servers on this machine that can be stopped and started."""
    servers = Loopback()
    yield servers
    servers.remove()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(answer)`: the address of an HTTP server that answers every GET so."""
    with ExitStack() as servers:
        yield lambda answer: servers.enter_context(served(answer))


def add_video(container: av.container.OutputContainer, size: tuple[int, int], codec: str = "libx264") -> av.VideoStream:
    stream = container.add_stream(codec, rate=25)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream


def encode(container: av.container.OutputContainer, stream: av.VideoStream, count: int = 10, level: int = 20) -> None:
    with scheduling.unchanged():
        container.start_encoding()
    for number in range(count):
        image = np.full((stream.height, stream.width, 3), level * (number + 1) % 256, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
    container.mux(stream.encode(None))


def held(path: Path) -> Path:
    """Ten frames in a third of a second, the last of which stays for ten, as phones film a screen that stands still."""
    with av.open(str(path), "w") as container:
        stream = add_video(container, (64, 48), "libvpx-vp9" if path.suffix == ".webm" else "libx264")
        stream.codec_context.options = {"g": "5", "bf": "0"} if path.suffix != ".webm" else {"lag-in-frames": "0"}
        packets = []
        for _ in range(10):
            packets += stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24"))
        packets += stream.encode(None)
        for packet in packets:
            packet.duration = round((10 if packet is packets[-1] else 0.04) / packet.time_base)
            container.mux(packet)
    return path


def two_clocks(folder: Path, first: float, second: float) -> Path:
    """Two recordings in MPEG-TS, joined, of ten frames each, whose clocks begin at so many seconds."""
    for name, start in (("first", first), ("second", second)):
        with av.open(str(folder / name), "w", format="mpegts", options={"output_ts_offset": str(start)}) as container:
            encode(container, add_video(container, (64, 48), "mpeg2video"))
    (folder / "a.ts").write_bytes((folder / "first").read_bytes() + (folder / "second").read_bytes())
    return folder / "a.ts"
