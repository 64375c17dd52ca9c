"""Cameras of one picture each, for tests without servers; and what those with servers share with video."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Spec
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Frame, Skipped
from edgeseg.video.supervised.status import Connection, Status
from tests.video.conftest import loopback, no_thread_left

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
