"""Keeps one live source alive, from a thread of its own: starts its child, listens to it, ends it where it hangs."""

from __future__ import annotations

import os
import random
import select
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from edgeseg.errors import LostError
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Frame, Skipped
from edgeseg.video.supervised.life import Life, Policy
from edgeseg.video.supervised.memory import FrameReader
from edgeseg.video.supervised.numbering import Numbering
from edgeseg.video.supervised.process import ChildProcess
from edgeseg.video.supervised.request import Request
from edgeseg.video.supervised.status import Connection, Status

JOIN_SECONDS = 5.0
"""How long closing waits for the thread, which waits for its child."""

LONGEST_WAIT = 60.0
"""Seconds; nothing is due then, but poll wants a number."""


class Supervisor:
    """Puts the frames of one source into a mailbox, through all its connections, until it is closed.

    Attributes:
        fps: that the source announced when it last was opened; None where it announces none.
    """

    def __init__(
        self,
        name: str,
        request: Request,
        policy: Policy,
        mailbox: Mailbox,
        tell: Callable[[Status], None],
        warn: Callable[[str], None],
    ) -> None:
        """Starts the child and the thread.

        Args:
            name: of the source, credentials removed.
            request: what is opened.
            policy: how patient it is.
            mailbox: gets the frames, their numbers and times going on over all connections; finished when it failed.
            tell: called by the thread, at each change of state and when the picture freezes or moves again.
            warn: called by the thread with what the source says of itself.

        Raises:
            OSError: the system gives no more descriptors.
            RuntimeError: it gives no more threads.
        """
        self.fps: Fraction | None = None
        self._name, self._request, self._mailbox, self._tell, self._warn = name, request, mailbox, tell, warn
        self._life = Life(name, policy, time.perf_counter(), random.random)
        self._lock = threading.Lock()  # guards _life, which others look at
        self._closed = False
        self._wake = os.pipe()
        self._child: ChildProcess | None = None
        self._undead: ChildProcess | None = None  # that no signal ended: one such is enough
        self._number = 0  # of the connection: what an earlier one still sends is not taken
        self._frames: FrameReader | None = None
        self._skipped = Skipped()  # of this connection, as far as it was counted
        self._numbering = Numbering()
        self._thread = threading.Thread(target=self._run, name="edgeseg-supervisor", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self._close_wake()
            raise

    @property
    def status(self) -> Status:
        """Where the source stands now."""
        with self._lock:
            return self._status(time.perf_counter())

    @property
    def connection(self) -> Connection:
        """What became of its connection so far."""
        with self._lock:
            return self._life.connection(time.perf_counter())

    def close(self) -> None:
        """Ends the child and the thread; more calls do nothing."""
        self._mailbox.close()
        with self._lock:
            if not self._closed:
                self._closed = True
                os.write(self._wake[1], b"\0")
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        """The life of the thread."""
        try:
            self._connect()
            while not self._closed and self._life.state != "failed":
                self._wait()
                self._tick()
            if self._life.state == "failed":
                reason = self._life.reason or ""
                self._mailbox.finish(LostError(reason, cause=self._life.cause or "unavailable"))
        except BaseException as error:  # it belongs to the thread that asks for frames
            self._mailbox.finish(error)
        finally:
            if self._child is not None:
                self._child.close()
                self._child = None
            with self._lock:
                self._closed = True
                self._close_wake()

    def _close_wake(self) -> None:
        for end in self._wake:
            os.close(end)
        self._wake = (-1, -1)

    def _wait(self) -> None:
        """Takes the messages that are there, or waits for one, until something is due."""
        limit = max(0.0, self._life.deadline - time.perf_counter())
        events = select.poll()
        events.register(self._wake[0], select.POLLIN)
        if self._child is not None:
            events.register(self._child.channel, select.POLLIN)
        ready = {handle for handle, _ in events.poll(1000 * min(limit, LONGEST_WAIT))}
        if self._child is not None and self._child.channel.fileno() in ready:
            try:
                received = self._child.channel.receive()
                if received is not None:
                    self._take(*received)
                    return
                how = self._kill()
            except (ValueError, KeyError, TypeError):
                how = f"sent what is no message, and {self._kill()}"
            except OSError as error:  # no descriptor, or no memory for its frames
                how = f"gave what could not be taken ({error.strerror or error}), and {self._kill()}"
            self._lost("crashed", f"{self._name}: the process that reads it {how}")

    def _tick(self) -> None:
        """Does what is due."""
        before = self._life.state
        with self._lock:
            action = self._life.tick(time.perf_counter())
        if action == "kill":
            self._kill()
        if self._life.state != before:
            self._tell(self.status)
        if action == "connect":
            self._connect()
        elif action == "kill" and self._life.state == "reconnecting":
            self._start()  # it takes the delay to start, and can connect at once then

    def _kill(self) -> str:
        """Ends the child, if there is one; how it did end, as the end of a sentence."""
        child, self._child = self._child, None
        if child is None:
            return "has ended"
        how = child.kill()
        self._undead = child if child.is_alive() else None
        return how

    def _start(self) -> None:
        if self._undead is not None and self._undead.is_alive():
            which = f"process {self._undead.pid}, which reads it, hangs in the system and cannot be ended"
            self._lost("crashed", f"{self._name}: {which}; no other is started before it has")
            return
        self._undead = None
        try:
            self._child = ChildProcess()
        except OSError as error:
            self._lost("crashed", f"{self._name}: no process could be started to read it ({error.strerror})")

    def _connect(self) -> None:
        self._number += 1
        self._skipped = Skipped()
        self._numbering.reconnect()
        if self._child is None:
            self._start()
        if self._child is not None:
            self._child.connect(self._number, self._request)

    def _take(self, message: dict[str, Any], handle: int | None) -> None:
        """Takes one message of the child."""
        if handle is not None:
            try:
                self._frames = FrameReader(handle)
            finally:
                os.close(handle)
        if "slot" in message and self._frames is not None:
            image = self._frames.take(message["slot"], *message["size"])  # an old one too, as its slot is to be freed
            if message["number"] == self._number:
                self._put(message, image)
            return
        if message["number"] != self._number:
            return
        if "connecting" in message:
            with self._lock:
                self._life.begin(time.perf_counter())
        elif "opened" in message:
            self.fps = None if message["fps"] is None else Fraction(*message["fps"])
        elif "skipped" in message:
            self._mailbox.count(self._newly(message["skipped"]))
        elif "lost" in message:
            self._lost(message["lost"], message["reason"])

    def _put(self, message: dict[str, Any], image: Any) -> None:
        """Hands a frame over, with the number and time that it has among those of all connections."""
        captured = message["captured"]
        index, at = self._numbering.place(message["index"], message["timestamp"], captured)
        with self._lock:
            before, now = (self._life.state, self._life.frozen), time.perf_counter()
            self._life.frame(now, unchanged=message["unchanged"])
            changed = (self._life.state, self._life.frozen) != before
            gaps = self._life.connection(now).gaps
        for warning in message["warnings"]:
            self._warn(warning)
        frame = Frame(index, image, at, captured, message["seconds"], gaps=gaps)
        self._mailbox.put(frame, self._newly(message["skipped"]))
        if changed:
            self._tell(self.status)

    def _newly(self, skipped: dict[str, int]) -> Skipped:
        """What is new among the frames that this connection lost."""
        before, self._skipped = self._skipped, Skipped(**skipped)
        return Skipped(**{name: number - getattr(before, name) for name, number in skipped.items()})

    def _lost(self, cause: str, reason: str) -> None:
        with self._lock:
            before = self._life.state
            self._life.lost(time.perf_counter(), cause, reason)
            changed = self._life.state != before
        if changed:
            self._tell(self.status)

    def _status(self, now: float) -> Status:
        life = self._life
        return Status(
            state=life.state,
            seconds=now - life.since,
            cause=life.cause,
            reason=life.reason,
            retry_in=max(0.0, life.retry_at - now) if life.state == "reconnecting" else None,
            frozen=life.frozen,
            pid=None if self._child is None else self._child.pid,
        )
