"""Signals within one process; tests/commands/test_run_ends.py has whole ones."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from edgeseg.interrupt import SIGNALS, Interrupted, interruptible, interruption, raising_interrupted


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of a terminal's shell: a background job ignores SIGINT. They must be back afterwards."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    left = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert set(left.values()) == {signal.SIG_DFL}


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted(number: signal.Signals) -> None:
    stopped = []
    with interruptible(lambda: stopped.append(True)) as signals:
        assert not signals
        signal.raise_signal(number)
    assert (signals, stopped) == ([number], [True])


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_raised(number: signal.Signals) -> None:
    with raising_interrupted(), pytest.raises(Interrupted, match=number.name) as raised:
        signal.raise_signal(number)
    assert raised.value.code == 128 + number


def test_a_signal_is_found_in_what_a_library_made_of_it() -> None:
    signalled, refused, told = Interrupted(2), ImportError("initialization failed"), RuntimeError("cannot start")
    refused.__cause__, told.__cause__ = signalled, refused
    assert interruption(told) is signalled
    assert interruption(ImportError("no such module")) is None


def test_a_signal_that_was_swallowed_is_remembered() -> None:
    heard: list[str] = []
    with raising_interrupted():
        with contextlib.suppress(Interrupted):  # as a finalizer does
            signal.raise_signal(signal.SIGINT)
        with interruptible(lambda: heard.append("stop")) as received:
            assert received == [signal.SIGINT]
    with interruptible(lambda: heard.append("again")) as received:
        assert received == []
    assert heard == ["stop"]


def test_an_error_after_a_signal_is_an_error() -> None:
    """The disk is full when what a signal ended is tidied up."""
    full = OSError("full")
    full.__context__ = Interrupted(2)
    assert interruption(full) is None


def test_a_block_within_another_handles_its_own() -> None:
    with raising_interrupted():
        with interruptible() as signals:
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
    assert signals == [signal.SIGTERM]


def test_what_was_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible() as signals:
        signal.raise_signal(signal.SIGHUP)
    assert signals == []
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_other_threads_hear_nothing() -> None:
    noted: list[list[signal.Signals]] = []

    def work() -> None:
        with interruptible() as signals:
            noted.append(signals)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert noted == [[]]


@pytest.mark.parametrize("block", ["interruptible", "raising_interrupted"])
def test_a_second_signal_ends_the_process(block: str) -> None:
    program = (
        f"import signal\nfrom edgeseg.interrupt import {block}\nwith {block}():\n"
        "    try: signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt: pass\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (128 + signal.SIGTERM, "")
