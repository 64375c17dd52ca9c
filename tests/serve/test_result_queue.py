from __future__ import annotations

import itertools
import threading

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.result_queue import ResultQueue


@given(st.lists(st.one_of(st.integers(), st.none()), max_size=30))
def test_the_newest_come_in_order_and_the_others_are_counted(items: list[int | None]) -> None:
    """None is a gap."""
    queue: ResultQueue[int] = ResultQueue(4)
    for item in items:
        if item is None:
            queue.gap()
        else:
            queue.put(item)
    queue.close()
    taken = []
    while not queue.over:
        taken.append(queue.take())
    numbers = [item for item in items if item is not None]
    left = [item for item in taken if item is not None]
    assert left == numbers[len(numbers) - len(left) :]
    assert queue.lost == len(numbers) - len(left)
    assert len(taken) <= 5  # four, and a gap behind them
    assert all(one is not None or other is not None for one, other in itertools.pairwise(taken))


def test_who_waits_is_woken() -> None:
    queue: ResultQueue[str] = ResultQueue(1)
    assert queue.take(0.001) is None
    threading.Timer(0.01, queue.put, ("a",)).start()
    assert queue.take(20) == "a"
    threading.Timer(0.01, queue.close).start()
    assert queue.take() is None
    assert queue.over
