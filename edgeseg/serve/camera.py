"""One camera of a service: its connection, the newest frame, its masks in order, and where they go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from edgeseg.errors import EngineError
from edgeseg.redact import redact
from edgeseg.serve.connection_events import ConnectionEvents
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.figures import Figures, fractions
from edgeseg.serve.settings import CameraSettings
from edgeseg.serve.sink import Sink
from edgeseg.serve.sinks import Sinks
from edgeseg.serve.smoother import Smoother
from edgeseg.serve.status import CameraStatus
from edgeseg.video.camera import camera_number
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.model import Result
from edgeseg.video.source import Frame, Skipped
from edgeseg.video.supervised.status import Connection
from edgeseg.video.supervised.supervisor import Supervisor

MOST_WAITING = 32
"""Results that wait, each with its frame, for one that a worker still has; more, and that one is given up."""


@dataclass(frozen=True)
class Work:
    """A frame that is to be segmented.

    Attributes:
        camera: that it is of.
        order: counts the camera's frames that were taken.
        frame: the frame.
        smoother: of its logits; None where they are taken as they are.
    """

    camera: CameraWorker
    order: int
    frame: Frame
    smoother: Smoother | None = None


class CameraWorker:
    """A running camera. Any thread may take a frame, and deliver what became of it; results come out in order.

    Attributes:
        name: of the camera.
        settings: that it was started with.
        live: its video; None where there is none.
        newest: the last result; None before the first.
    """

    def __init__(
        self,
        settings: CameraSettings,
        classes: tuple[str, ...],
        events: EventLog,
        arrived: Callable[[], None],
        sinks: Sinks,
    ) -> None:
        """Starts to connect.

        Args:
            settings: of the camera.
            classes: names by class id.
            events: told each change of its state.
            arrived: called when there may be a frame to take.
            sinks: get every result, and are closed with the camera.
        """
        self.name = settings.name
        self.settings = settings
        self.live = sinks.live
        self._recorder, self._drift, self._rules = sinks.recorder, sinks.drift, sinks.rules
        self.newest: Result | None = None
        self._sinks = list(sinks.all)  # that are to be closed
        self._failed_sinks: list[Sink] = []  # of these, that get nothing more
        self._smoother = Smoother(settings.smooth) if settings.smooth else None
        self._classes = classes
        self._events = events
        self._arrived = arrived
        self._figures = Figures(time.perf_counter())
        self._skipped = Skipped()
        self._too_old = self._failed = 0
        self._failing = False
        self._crashed: str | None = None
        self._source = source_name(settings)
        self._connection = ConnectionEvents(settings.name, events)
        self._taking = threading.Lock()  # guards the frames in work
        self._taken = self._in_work = 0
        self._idle = threading.Condition(self._taking)
        self._closed = False
        self._delivery = threading.RLock()  # guards the results, until the sinks have them
        self._finished: dict[int, tuple[Frame, Result | None]] = {}
        self._delivered = 0
        self._before: tuple[int, tuple[int, ...]] | None = None  # gaps and shape of the result before
        events.add("state", "connecting", f"connecting to {self._source}", self.name)
        self._mailbox = Mailbox(self._skipped, arrived)
        self._supervisor = Supervisor(
            self._source, settings.request, settings.policy, self._mailbox, self._connection.tell, self._connection.warn
        )

    def take(self) -> Work | None:
        """The newest frame, if one waits that is not too old; it has to be delivered. It never waits."""
        with self._taking:
            if self._smoother is not None and self._in_work:  # it takes one frame after the other
                return None
            while not self._closed and (frame := self._poll()) is not None:
                oldest = self.settings.max_age
                if oldest is not None and time.perf_counter() - frame.captured > oldest:
                    self._too_old += 1
                    continue
                self._taken += 1
                self._in_work += 1
                return Work(self, self._taken - 1, frame, self._smoother)
            return None

    def deliver(self, work: Work, outcome: Result | Exception) -> None:
        """Takes what became of a frame; the sinks get it when those before have come."""
        with self._delivery:
            if work.order >= self._delivered:  # or it was given up
                if isinstance(outcome, Exception):
                    self._fail(outcome)
                    self._finished[work.order] = work.frame, None
                else:
                    self._failing = False
                    self._figures.add(outcome)
                    self._finished[work.order] = work.frame, outcome
            while self._delivered in self._finished or len(self._finished) > MOST_WAITING:
                if self._delivered not in self._finished:
                    self._fail(EngineError(f"{MOST_WAITING} later ones are done, and it is not; it is given up"))
                frame, result = self._finished.pop(self._delivered, (work.frame, None))
                self._delivered += 1
                if result is not None:
                    self._hand_over(frame, result)
        with self._taking:
            self._in_work -= 1
            self._idle.notify_all()
        if self._smoother is not None:
            self._arrived()

    def status(self) -> CameraStatus:
        """Where it stands now."""
        status, newest, now = self._supervisor.status, self.newest, time.perf_counter()
        height, width = (0, 0) if newest is None else newest.frame.shape[:2]
        mask = None if newest is None else newest.mask
        return CameraStatus(
            name=self.name,
            source=self._source,
            state="failed" if self._crashed else status.state,
            seconds=status.seconds,
            cause=status.cause,
            reason=self._crashed or status.reason,
            retry_in=status.retry_in,
            frozen=status.frozen,
            width=width,
            height=height,
            fps=self._figures.fps(now),
            masks=self._figures.masks,
            skipped={**asdict(self._skipped), "too_old": self._too_old, "failed": self._failed},
            age=None if newest is None else now - newest.captured,
            connection=self._supervisor.connection,
            stages=self._figures.stages(),
            fractions={} if mask is None else fractions(mask, self._classes),
            recording=None if self._recorder is None else self._recorder.status,
            drift=None if self._drift is None else self._drift.status,
            missed={
                name: sink.lost for name, sink in (("rules", self._rules), ("drift", self._drift)) if sink is not None
            },
        )

    def close(self, deadline: float) -> None:
        """Ends the connection, lets what is in work be delivered, and finishes the sinks; more calls do nothing.

        Args:
            deadline: a reading of time.perf_counter() that this should not last beyond.
        """
        with self._taking:
            if self._closed:
                return
            self._closed = True
        self._connection.close()
        self._supervisor.close()
        with self._taking:
            self._idle.wait_for(lambda: not self._in_work, max(0.0, deadline - time.perf_counter()))
        with self._delivery:
            for sink in self._sinks:
                try:
                    sink.close(max(0.0, deadline - time.perf_counter()))
                except Exception as error:
                    self._tell_sink(sink, error, "could not be finished")
            self._sinks.clear()

    def _poll(self) -> Frame | None:
        try:
            return self._mailbox.take(0.0, first=self._taken == 0)[0]
        except Exception as error:  # it ended the thread that watches the source
            if not self._crashed:
                self._crashed = f"what watches {self._source} has ended: {type(error).__name__}: {error}"
                self._events.add("state", "failed", self._crashed, self.name)
            return None

    def _hand_over(self, frame: Frame, result: Result) -> None:
        """Gives a result to all who want it."""
        before, self._before = self._before, (frame.gaps, result.frame.shape)
        now = time.time() - (time.perf_counter() - result.captured)
        for sink in self._sinks:
            if sink in self._failed_sinks:
                continue
            try:
                if before is not None and before != self._before:
                    sink.gap()
                sink.put(result, now)
            except Exception as error:
                self._failed_sinks.append(sink)
                self._tell_sink(sink, error, "gets no more frames")
        self.newest = result

    def _tell_sink(self, sink: Sink, error: Exception, consequence: str) -> None:
        what = f"{type(sink).__name__} failed ({type(error).__name__}: {error}) and {consequence}"
        self._events.add("service", "sink_failed", what, self.name)

    def _fail(self, error: Exception) -> None:
        """Counts a frame that has no mask; the first of a row is told."""
        self._failed += 1
        if not self._failing:
            self._events.add("service", "frame_failed", f"a frame could not be segmented: {error}", self.name)
        self._failing = True


def source_name(settings: CameraSettings) -> str:
    """What a camera reads, credentials removed."""
    number = camera_number(settings.source)
    return redact(settings.source) if number is None else f"camera {number}"


def unstarted(settings: CameraSettings, reason: str) -> CameraStatus:
    """Where a camera stands that could not be started."""
    return CameraStatus(
        name=settings.name,
        source=source_name(settings),
        state="failed",
        seconds=0.0,
        cause="unavailable",
        reason=reason,
        retry_in=None,
        frozen=False,
        width=0,
        height=0,
        fps=0.0,
        masks=0,
        skipped={**asdict(Skipped()), "too_old": 0, "failed": 0},
        age=None,
        connection=Connection({}, 0, 0, 0.0, 0),
        stages=Figures(0.0).stages(),
        fractions={},
        recording=None,
    )
