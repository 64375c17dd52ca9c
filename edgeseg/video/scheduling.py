"""The scheduling of threads, kept as it is while an encoder is opened."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def unchanged() -> Iterator[None]:
    """Gives this thread, and those that start in the block, the scheduling that this thread had before.

    As root, SVT-AV1 makes the thread that opens it real-time (SCHED_FIFO, 99, in its 4.1), and its own threads inherit
    that, as does whatever the thread starts later. Real-time threads go before everything else, and where two of them
    wait for each other by yielding, as libvpx's do, the whole machine stands still.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in (_threads() - before) | {threading.get_native_id()}:
            with suppress(ProcessLookupError):  # it has ended
                if os.sched_getscheduler(thread) != policy:
                    os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}
