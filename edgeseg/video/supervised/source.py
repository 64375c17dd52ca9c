"""A live source that is connected again when it is lost."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable

from edgeseg.errors import SourceError
from edgeseg.redact import redact
from edgeseg.video.camera import camera_number
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Ended, Frame, Source
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.request import Request
from edgeseg.video.supervised.status import Connection, Status
from edgeseg.video.supervised.supervisor import Supervisor

MOST_WARNINGS = 20
"""Sentences about what the source says of itself; one that runs for months has said enough by then."""

_log = logging.getLogger("edgeseg")


class SupervisedSource(Source):
    """The newest frame of a source that may come and go. Numbers and times go on; what was missed is a gap in time.

    One that nobody holds any more closes itself.
    """

    live = True

    def __init__(self, request: Request, policy: Policy, say: Callable[[str], None] | None = None) -> None:
        """Waits for the first frame, as long as the policy says.

        Args:
            request: what is opened.
            policy: how patient it is.
            say: told each change of the connection in a sentence; by default they are logged as warnings.

        Raises:
            SourceError: it can never work, or gave no frame for as long as the policy waits.
        """
        camera = camera_number(request.source)
        super().__init__(redact(request.source) if camera is None else f"camera {camera}")
        self._mailbox = Mailbox(self.skipped)
        warnings = self.warnings  # and not this object, which would then live on in the thread

        def warn(warning: str) -> None:
            if warning not in warnings and len(warnings) < MOST_WARNINGS:
                warnings.append(warning)

        teller = Teller(self.name, say or _log.warning)
        self._supervisor = Supervisor(self.name, request, policy, self._mailbox, teller.tell, warn)
        weakref.finalize(self, self._supervisor.close).atexit = False  # then it is _close_all's work
        try:
            self._decode_first()
        except BaseException:  # Ctrl-C while nothing comes
            self.close()
            raise
        first, self._first = self._first, None
        assert first is not None
        self.fps = self._supervisor.fps
        self._mailbox.put_back(first)

    @property
    def status(self) -> Status:
        """Where it stands."""
        return self._supervisor.status

    @property
    def connection(self) -> Connection:
        """What became of its connection so far."""
        return self._supervisor.connection

    def _read(self) -> Frame | None:
        if self.ended is not None:
            return None
        frame, error = self._mailbox.take(None, first=self.width == 0)
        if error is not None and not self.width:
            raise SourceError(str(error), cause=error.cause)
        if error is not None:
            self.ended, self.ended_early, self.cause = Ended("lost", str(error)), True, error.cause
        elif frame is None:
            self.ended = Ended("interrupted")
        return frame

    def close(self) -> None:
        """Ends its process; more calls do nothing."""
        self._supervisor.close()


class Teller:
    """Says what became of a connection, once: not every attempt that fails like the one before."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name, self._say = name, say
        self._said: tuple[object, ...] = ()

    def tell(self, status: Status) -> None:
        """Takes each change; that it failed is what the source's reader gets to know."""
        news = status.state, status.cause if status.state == "reconnecting" else None, status.frozen
        if status.state in ("connecting", "failed") or news == self._said:
            return
        self._said = news
        match status.state:
            case "live":
                still = ", but its picture does not change" if status.frozen else ""
                self._say(f"{self._name} is live{still}")
            case "reconnecting":
                self._say(f"{status.reason}; trying again until it answers")
            case "stalled":
                self._say(f"{status.reason}; waiting as long again")
