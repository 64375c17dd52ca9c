"""Triggers against their definition, over all that they have seen, on a clock that is simulated."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeseg.serve.rules.trigger import Trigger

ABOVE, BELOW, SECONDS = 5, 3, 4


@dataclass(frozen=True)
class Seen:
    """A number at a time, and what the trigger was after it."""

    time: int
    value: int
    active: bool


class TriggerMachine(RuleBasedStateMachine):
    """All that a trigger has seen since the last gap; times and values are whole numbers, so that limits are met."""

    def __init__(self) -> None:
        super().__init__()
        self.trigger = Trigger(ABOVE, BELOW, SECONDS)
        self.now = 0
        self.seen: list[Seen] = []
        self.active = False

    @rule(value=st.integers(0, 8), wait=st.integers(0, 3))
    def update(self, value: int, wait: int) -> None:
        """It turns where all numbers of the last SECONDS or more asked for that, without a gap or a turn among them."""
        self.now += wait
        before = self.active
        since = self.now
        for one in [*reversed(self.seen)] if asks(before, value) else []:
            if one.active != before or not asks(before, one.value):
                break
            since = one.time
        turns = asks(before, value) and self.now - since >= SECONDS
        assert self.trigger.update(value, self.now) == turns
        self.active = before != turns
        self.seen.append(Seen(self.now, value, self.active))

    @rule(wait=st.integers(0, 9))
    def gap(self, wait: int) -> None:
        """What was before says nothing about the time until now."""
        self.now += wait
        self.trigger.gap()
        self.seen.clear()

    @invariant()
    def says_so(self) -> None:
        """What it says is what it told."""
        assert self.trigger.active == self.active


def asks(active: bool, value: int) -> bool:
    """Whether a number asks for a turn."""
    return value <= BELOW if active else value > ABOVE


TriggerMachine.TestCase.settings = hypothesis_settings(max_examples=200, stateful_step_count=40)
TestTrigger = TriggerMachine.TestCase


@given(st.lists(st.floats(0, 1), max_size=30))
def test_without_a_time_it_turns_at_once(values: list[float]) -> None:
    trigger = Trigger(0.6, 0.4, 0.0)
    for number, value in enumerate(values):
        trigger.update(value, float(number))
        if value > 0.6 or value <= 0.4:
            assert trigger.active == (value > 0.6)


def test_what_begins_above_nothing_ends_at_nothing() -> None:
    trigger = Trigger(0.0, 0.0, 0.0)
    shares = [0.0, 0.1, 0.0, 0.2, 0.2, 0.0]
    assert [trigger.update(share, float(number)) for number, share in enumerate(shares)] == [
        False, True, True, True, False, True,
    ]  # fmt: skip


@given(st.lists(st.floats(0.4, 0.6, exclude_min=True), min_size=2, max_size=30))
def test_noise_between_the_limits_turns_nothing(values: list[float]) -> None:
    trigger = Trigger(0.6, 0.4, 0.0)
    trigger.update(1.0, 0.0)
    assert not any(trigger.update(value, 1.0 + number) for number, value in enumerate(values))
