"""The state machine against a model of its own, on a simulated clock."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgeseg.video.supervised.life import Life, Policy

CAUSES = ["refused", "unauthorised", "closed", "timeout", "crashed"]
POLICY = Policy(connect_within=13.0)


def middle() -> float:
    return 0.5


class Lives(RuleBasedStateMachine):
    """Things happen to a source; the model knows when frames came and why connections ended, and no more."""

    @initialize(
        give_up=st.none() | st.floats(0.5, 100),
        chance=st.floats(0, 1),
        start=st.floats(-1e6, 1e6),
    )
    def begin(self, give_up: float | None, chance: float, start: float) -> None:
        self.policy = replace(POLICY, give_up_after=give_up)
        self.now = self.start = start
        self.life = Life("camera", self.policy, start, lambda: chance)
        self.frames: list[float] = []
        self.alive = True  # the connection, or the attempt at one, exists
        self.began = start
        self.ends: list[str] = []
        self.freezes = 0
        self.frozen = False
        self.entered = {"stalled": 0}

    def advance_to(self, moment: float) -> None:
        """As the supervisor does: at each deadline on the way, everything that is due."""
        while self.life.deadline <= moment:
            self.now = max(self.now, self.life.deadline)
            before = self.life.state
            deadline = self.life.deadline
            action = self.life.tick(self.now)
            after = self.life.state
            assert (before, after, action) in {
                ("connecting", "reconnecting", "kill"),
                ("live", "stalled", None),
                ("stalled", "reconnecting", "kill"),
                ("reconnecting", "connecting", "connect"),
                *((state, "failed", "kill") for state in ("connecting", "live", "stalled", "reconnecting")),
            }
            assert self.life.deadline > deadline  # or the supervisor would spin
            self.entered[after] = self.entered.get(after, 0) + 1
            if action == "connect":
                self.alive, self.began = True, self.now
            if action == "kill":
                self.alive = self.frozen = False
                if after == "reconnecting":
                    self.ends.append("timeout" if before == "connecting" else "stalled")
        self.now = moment

    @rule(seconds=st.floats(0.001, 30) | st.sampled_from([3.0, 6.0, 13.0]))
    def time_passes(self, seconds: float) -> None:
        self.advance_to(self.now + seconds)

    @rule()
    def the_deadline_comes(self) -> None:
        if self.life.deadline < math.inf:
            self.advance_to(self.life.deadline)

    @precondition(lambda self: self.alive)
    @rule(unchanged=st.sampled_from([0.0, 9.9, 10.0, 60.0]))
    def a_frame_comes(self, unchanged: float) -> None:
        self.life.frame(self.now, unchanged=unchanged)
        self.frames.append(self.now)
        self.freezes += unchanged >= 10 and not self.frozen
        self.frozen = unchanged >= 10
        assert self.life.state == "live"
        assert self.life.frozen == self.frozen

    @precondition(lambda self: self.alive)
    @rule(cause=st.sampled_from(CAUSES))
    def the_connection_ends(self, cause: str) -> None:
        self.life.lost(self.now, cause, "it was so")
        self.ends.append(cause)
        self.alive = self.frozen = False
        assert self.life.state == "reconnecting"
        assert (self.life.cause, self.life.reason) == (cause, "it was so")
        longest = 30.0 if cause == "unauthorised" else 3.0
        assert self.now <= self.life.retry_at <= self.now + longest

    @precondition(lambda self: not self.alive)
    @rule(cause=st.sampled_from(CAUSES))
    def something_late_comes_of_an_old_connection(self, cause: str) -> None:
        before = self.life.state, self.life.deadline, self.life.connection(self.now)
        self.life.frame(self.now)
        self.life.lost(self.now, cause, "late")
        assert (self.life.state, self.life.deadline, self.life.connection(self.now)) == before

    @rule()
    def looking_changes_nothing(self) -> None:
        assert self.life.connection(self.now) == self.life.connection(self.now)
        if self.now < self.life.deadline:
            state = self.life.state
            assert self.life.tick(self.now) is None
            assert self.life.state == state

    @invariant()
    def the_state_is_what_the_frames_say(self) -> None:
        state, last = self.life.state, self.frames[-1] if self.frames else self.start
        quiet = self.now - last
        assert self.life.deadline > self.now or state == "failed"
        assert self.alive == (state in ("connecting", "live", "stalled"))
        if state == "live":
            assert quiet < 3 or math.isclose(quiet, 3)
        if state == "stalled":
            assert quiet < 6 or math.isclose(quiet, 6)
            assert quiet > 3 or math.isclose(quiet, 3)
        if state == "failed":
            assert self.policy.give_up_after is not None
            assert quiet > self.policy.give_up_after or math.isclose(quiet, self.policy.give_up_after)
        elif self.policy.give_up_after is not None:
            assert quiet < self.policy.give_up_after or math.isclose(quiet, self.policy.give_up_after)

    @invariant()
    def the_figures_are_the_models(self) -> None:
        connection = self.life.connection(self.now)
        assert connection.reconnects == {cause: self.ends.count(cause) for cause in set(self.ends)}
        assert connection.stalls == self.entered["stalled"]
        assert connection.freezes == self.freezes
        assert connection.gaps <= len(self.ends) + connection.stalls + 1
        if self.life.state != "live" and self.frames:
            assert connection.gaps > 0
        assert 0 <= connection.gap_seconds <= (self.now - self.start) * (1 + 1e-9)


TestLives = Lives.TestCase


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_delays_double_up_to_the_longest_and_half_is_chance(chance: float) -> None:
    part = 0.5 + chance / 2
    delays = [POLICY.delay(failures, "refused", chance) for failures in range(1, 8)]
    assert delays == pytest.approx([part * delay for delay in (0.25, 0.5, 1, 2, 3, 3, 3)])
    assert POLICY.delay(10**6, "unauthorised", chance) == 30 * part  # months later


@given(st.integers(1, 10**9), st.sampled_from(CAUSES), st.floats(0, 1))
def test_no_delay_is_beyond_its_bounds(failures: int, cause: str, chance: float) -> None:
    assert 0.125 <= POLICY.delay(failures, cause, chance) <= (30 if cause == "unauthorised" else 3)


def test_an_attempt_that_took_long_to_fail_has_waited_already() -> None:
    life = Life("camera", POLICY, 0.0, middle)
    for _ in range(8):
        life.lost(life.since, "refused", "")
        assert life.tick(life.retry_at) == "connect"
    began = life.since
    life.lost(began + 10, "timeout", "")
    assert life.retry_at == began + 10 + POLICY.delay(1, "timeout", 0.5)


def test_an_hour_of_being_live_makes_up_for_failures() -> None:
    life = Life("camera", POLICY, 0.0, middle)
    for _ in range(8):
        life.lost(life.since, "refused", "")
        life.tick(life.retry_at)
    start = life.since
    for second in range(3600):
        life.frame(start + second)
    life.lost(start + 3600, "closed", "")
    assert life.retry_at == start + 3600 + POLICY.delay(1, "closed", 0.5)


def test_gaps_are_from_frame_to_frame() -> None:
    life = Life("camera", POLICY, 0.0, middle)
    life.lost(1.0, "refused", "")
    assert life.connection(50.0).gaps == 0  # nothing had come before
    life.tick(2.0)
    life.frame(3.0)
    life.frame(4.0)
    assert life.tick(7.0) is None
    assert life.state == "stalled"
    life.frame(8.5)  # by itself
    assert (life.connection(9.0).gaps, life.connection(9.0).gap_seconds) == (1, 4.5)
    life.lost(9.0, "closed", "")
    assert (life.connection(10.0).gaps, life.connection(10.0).gap_seconds) == (2, 6.0)
    assert life.tick(10.0) == "connect"
    life.frame(11.0)
    assert (life.connection(99.0).gaps, life.connection(99.0).gap_seconds) == (2, 7.0)


def test_what_can_never_work_fails_at_once() -> None:
    life = Life("camera", POLICY, 0.0, middle)
    life.lost(1.0, "unsupported", "it is a file")
    assert (life.state, life.reason, life.deadline) == ("failed", "it is a file", math.inf)


def test_the_last_reason_is_in_what_is_given_up() -> None:
    life = Life("camera", replace(POLICY, give_up_after=5.0), 0.0, middle)
    life.lost(1.0, "refused", "the door is shut")
    while life.state != "failed":
        action = life.tick(life.deadline)
    assert action == "kill"
    assert life.reason == "camera gave no frame for 5 s (the door is shut)"
    assert life.cause == "refused"


def test_an_attempt_that_lasts_is_why_it_is_given_up() -> None:
    life = Life("camera", replace(POLICY, give_up_after=5.0), 0.0, middle)
    assert life.tick(life.deadline) == "kill"
    assert (life.state, life.cause) == ("failed", "timeout")
    assert life.reason == "camera gave no frame for 5 s (it has not answered)"


def test_what_the_process_takes_to_start_is_nobodys_silence() -> None:
    life = Life("camera", replace(POLICY, give_up_after=2.0), 0.0, middle)
    life.begin(1.9)
    assert life.tick(2.0) is None
    life.lost(2.5, "refused", "the door is shut")
    assert life.tick(life.deadline) == "connect"
    life.begin(3.5)  # what was waited since the first attempt stays waited
    assert life.tick(3.9) == "kill"
    assert life.reason == "camera gave no frame for 2 s (the door is shut)"
    life.begin(4.0)
    assert life.state == "failed"
