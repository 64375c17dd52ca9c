"""Cameras of one picture each, a broker, settings from a file; and what tests with servers share with video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.segmenter import Segmenter, load
from edgeseg.serve.settings import ServiceSettings
from edgeseg.serve.settings_file import read_settings
from edgeseg.spec import Spec
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Frame, Skipped
from edgeseg.video.supervised.status import Connection, Status
from tests.video.conftest import loopback, no_thread_left

if TYPE_CHECKING:
    from tests.serve.broker import Broker, Reader
    from tests.serve.web.small_service import SmallService

__all__ = ["loopback", "no_thread_left"]


class FakeSupervisor:
    """A connection whose frames a test puts into the mailbox itself."""

    made: list[FakeSupervisor]

    def __init__(
        self,
        name: str,
        request: object,
        policy: object,
        mailbox: Mailbox,
        tell: Callable[[Status], None],
        warn: Callable[[str], None],
    ) -> None:
        del request, policy
        self.name, self.mailbox, self.tell, self.warn = name, mailbox, tell, warn
        self.status = Status("connecting", 0.0, None, None, None, False, None)
        self.connection = Connection({}, 0, 0, 0.0, 0)
        self.closed = False
        self.made.append(self)

    def put(self, level: int, captured: float = 0.0, gaps: int = 0, size: tuple[int, int] = (6, 8)) -> None:
        """A grey frame of that level, which is its number too."""
        frame = Frame(level, np.full((*size, 3), level, np.uint8), float(level), captured, 0.001, gaps=gaps)
        self.mailbox.put(frame, Skipped())

    def change(self, state: str, cause: str | None = None, reason: str | None = None, frozen: bool = False) -> None:
        self.status = Status(state, 0.0, cause, reason, None, frozen, None)  # type: ignore[arg-type]
        self.tell(self.status)

    def close(self) -> None:
        self.mailbox.close()
        self.closed = True


@pytest.fixture
def supervisors(monkeypatch: pytest.MonkeyPatch) -> list[FakeSupervisor]:
    """Takes the place of all connections; those that were made."""
    FakeSupervisor.made = []
    monkeypatch.setattr("edgeseg.serve.camera.Supervisor", FakeSupervisor)
    return FakeSupervisor.made


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Bundle], spec: Spec) -> Segmenter:
    """A network of a few weights."""
    return load(make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", spec), threads=1)


@pytest.fixture(scope="module")
def model() -> Segmenter:
    return load("road-nano", threads=1)


@pytest.fixture
def service(model: Segmenter) -> SmallService:
    from tests.serve.web.small_service import SmallService

    return SmallService(model, ("gate", "yard"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    from tests.serve.broker import Broker  # which needs paho

    started = Broker(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def reader(broker: Broker) -> Iterator[Reader]:
    from tests.serve.broker import Reader

    opened = Reader(broker.port)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Path:
    """A folder with a bundle of the classes road, car and sky, files and folders that settings may name."""
    make_bundle(tmp_path / "tiny", spec)
    (tmp_path / "rec").mkdir()
    (tmp_path / "closed").mkdir(mode=0o500)
    for name, content, mode in [
        ("login", "admin:secret\n", 0o600),
        ("open", "admin:secret\n", 0o644),
        ("token", "0123456789abcdef\n", 0o600),
        ("short", "0123456789abcde\n", 0o600),
        ("odd", "0123456789 abcdefg\n", 0o600),
        ("cert.pem", "no certificate\n", 0o600),
    ]:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "cameras.toml"
    path.write_text(text)
    return path


def read(folder: Path, text: str) -> ServiceSettings:
    return read_settings(write(folder, text))[0]


GATE = '[cameras.gate]\nsource = "rtsp://gate/live"\n'
BUNDLE = 'bundle = "./tiny"\n'
