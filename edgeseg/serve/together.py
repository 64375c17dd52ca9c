"""Several things that may take long, at the same time and within one time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


def together(calls: Iterable[Callable[[], object]], deadline: float) -> bool:
    """Calls all, each in a thread of its own; whether all returned in time. Those that did not go on.

    Args:
        calls: none of which raises.
        deadline: a reading of time.perf_counter().
    """
    threads = [threading.Thread(target=call, name="edgeseg-close", daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.perf_counter()))
    return not any(thread.is_alive() for thread in threads)
