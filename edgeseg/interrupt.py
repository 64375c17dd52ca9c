"""Ctrl-C, SIGTERM and SIGHUP end a job in order; a second one ends the process at once.

Handlers are installed explicitly: the first process of a container (PID 1) ignores signals that it has no handler for.
A signal that the process was started to ignore (nohup; a shell's background job) stays ignored.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """One of SIGNALS came.

    Attributes:
        code: what a shell gives as the exit code of a process that the signal ended.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = exit_code(number)


def exit_code(number: int) -> int:
    """The exit code of a process that a signal ended, as shells give it: 130 for SIGINT."""
    return 128 + number


_raised: list[signal.Signals] = []
"""What `raising_interrupted` has raised."""


@contextmanager
def raising_interrupted() -> Iterator[None]:
    """Within the block the first of SIGNALS raises `Interrupted` in the main thread.

    It may be lost: where the interpreter frees an object, or calls back, it prints exceptions and goes on. A block of
    `interruptible` within this one then ends as if the signal came there.
    """

    def interrupt(number: int) -> None:
        _raised.append(signal.Signals(number))
        raise Interrupted(number)

    try:
        with _handlers(interrupt):
            yield
    finally:
        _raised.clear()


def interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """The signal that an error was made of: a C++ module that a signal ends while it is loaded fails to be imported."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error


@contextmanager
def interruptible(stop: Callable[[], None] = lambda: None) -> Iterator[list[signal.Signals]]:
    """Yields a list that the first of SIGNALS is added to, so that what is under way can be finished.

    In another thread than the main one, which gets all signals, the list stays empty.

    Args:
        stop: called then, between two instructions of the main thread.
    """
    received: list[signal.Signals] = []

    def note(number: int) -> None:
        received.append(signal.Signals(number))
        stop()

    with _handlers(note):
        if _raised and threading.current_thread() is threading.main_thread():
            note(_raised[0])
        yield received


@contextmanager
def hangups(reload: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGHUP means what it means to services: `reload` is called, as often as it comes.

    Args:
        reload: called between two instructions of the main thread.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: reload())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _handlers(first: Callable[[int], None]) -> Iterator[None]:
    """Handles SIGNALS within the block: the first one calls `first`, a second one ends the process."""
    received = False

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        nonlocal received
        if received:
            os._exit(exit_code(number))
        received = True
        first(number)

    if threading.current_thread() is not threading.main_thread():  # which alone may, and gets all signals
        yield
        return
    listened = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in listened}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
