"""The life of a supervised source, without clock, process or network: what happened goes in, what to do comes out.

connecting ── frame ──> live ── no frame for stall_after ──> stalled
    ^  │                 │ ^                                  │  │
    │  │                 │ └───────────── frame ──────────────┘  │
    │  └───── lost ──────┴─> reconnecting <── for as long again ─┘
    └──────── delay ─────────────┘
any ── no frame for give_up_after, or it can never work ──> failed
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edgeseg.video.supervised.status import Connection, State

Action = Literal["connect", "kill"]
"""Connect anew, or end the process that holds the connection."""

HOPELESS = "unsupported"
"""The cause that no further attempt can mend."""

PERSONAL = "unauthorised"
"""The cause that only a person can mend; many attempts get an account locked."""


@dataclass(frozen=True)
class Policy:
    """How patient a supervisor is; all in seconds.

    Attributes:
        stall_after: without a new frame a live source is stalled; after as long again its connection is given up.
        connect_within: that connecting may take, up to the first frame.
        give_up_after: without a frame it has failed, from when it first tried to connect; None: never.
        frozen_after: of frames that are equal to the last bit, the picture counts as frozen.
        first_delay: between the beginnings of the first two attempts; each failure in a row doubles it.
        longest_delay: to which it grows.
        personal_delay: to which it grows while the server refuses user and password.
        settled_after: of being live, failures before count no more.
    """

    stall_after: float = 3.0
    connect_within: float = 15.0
    give_up_after: float | None = None
    frozen_after: float = 10.0
    first_delay: float = 0.25
    longest_delay: float = 3.0
    personal_delay: float = 30.0
    settled_after: float = 10.0

    def delay(self, failures: int, cause: str, chance: float) -> float:
        """Seconds from the beginning of an attempt to that of the next.

        Args:
            failures: in a row, at least 1.
            cause: of the last.
            chance: 0 to 1; half of the delay is left to it, so that many cameras do not come back in step.
        """
        longest = self.personal_delay if cause == PERSONAL else self.longest_delay
        grown = min(longest, self.first_delay * 2.0 ** min(failures - 1, 64))
        return grown * (0.5 + 0.5 * chance)


class Life:
    """Where a source stands. `now` is any clock that never goes back.

    Attributes:
        state: of the source.
        since: when that began.
        cause: one word for what last went wrong; None as long as nothing did.
        reason: the same as a sentence.
        retry_at: when it is connected anew; only while reconnecting.
        frozen: its picture does not change.
    """

    def __init__(self, name: str, policy: Policy, now: float, chance: Callable[[], float]) -> None:
        """Begins with connecting, which its owner has to see to.

        Args:
            name: of the source, for sentences.
            policy: how patient it is.
            now: the time.
            chance: gives numbers from 0 to 1.
        """
        self.state: State = "connecting"
        self.since = now
        self.cause: str | None = None
        self.reason: str | None = None
        self.retry_at = math.inf
        self.frozen = False
        self._name = name
        self._policy = policy
        self._chance = chance
        self._failures = 0
        self._attempt = now
        self._last = now  # arrival of the last frame; before the first, the start
        self._seen = False
        self._reconnects: Counter[str] = Counter()
        self._stalls = self._gaps = self._freezes = 0
        self._gap_seconds = 0.0

    @property
    def deadline(self) -> float:
        """When `tick` has something to do, if nothing happens before."""
        policy = self._policy
        due = {
            "connecting": self._attempt + policy.connect_within,
            "live": self._last + policy.stall_after,
            "stalled": self._last + 2 * policy.stall_after,
            "reconnecting": self.retry_at,
            "failed": math.inf,
        }[self.state]
        if policy.give_up_after is None or self.state == "failed":
            return due
        return min(due, self._last + policy.give_up_after)

    def begin(self, now: float) -> None:
        """The process that makes the present attempt has started, which may take seconds, and connects only now."""
        if self.state != "connecting":
            return
        self._attempt = now
        if not self._seen and not self._reconnects:
            self._last = now

    def frame(self, now: float, *, unchanged: float = 0.0) -> None:
        """A frame of the present connection came, whose picture is the same since `unchanged` seconds."""
        if self.state in ("reconnecting", "failed"):
            return
        if self.state != "live":
            if self._seen:
                self._gaps += 1
                self._gap_seconds += now - self._last
            self._enter("live", now)
        elif now - self.since >= self._policy.settled_after:
            self._failures = 0
        self._last, self._seen = now, True
        frozen = unchanged >= self._policy.frozen_after
        self._freezes += frozen and not self.frozen
        self.frozen = frozen

    def lost(self, now: float, cause: str, reason: str) -> None:
        """The present connection, or the attempt at one, has ended."""
        if self.state in ("reconnecting", "failed"):
            return
        self.cause, self.reason, self.frozen = cause, reason, False
        if cause == HOPELESS:
            self._enter("failed", now)
            return
        if self.state == "live" and now - self.since >= self._policy.settled_after:
            self._failures = 0
        self._failures += 1
        self._reconnects[cause] += 1
        # Counted from the attempt's beginning: one that took long to fail has waited already.
        began, chance = self._attempt if self.state == "connecting" else now, self._chance()
        shortest, delay = (self._policy.delay(failures, cause, chance) for failures in (1, self._failures))
        self.retry_at = max(now + shortest, began + delay)
        self._enter("reconnecting", now)

    def tick(self, now: float) -> Action | None:
        """Does what is due, one step at a time: to be called until `deadline` lies ahead."""
        if now < self.deadline:
            return None
        policy = self._policy
        if policy.give_up_after is not None and now >= self._last + policy.give_up_after:
            last = self.reason or ("it has not answered" if self.state == "connecting" else None)
            why = f" ({last})" if last else ""
            self.cause = self.cause or "timeout"
            self.reason = f"{self._name} gave no frame for {policy.give_up_after:g} s{why}"
            self._enter("failed", now)
            return "kill"
        if self.state == "live":
            self._stalls += 1
            self.cause, self.reason = "stalled", f"{self._name} gave no new frame for {policy.stall_after:g} s"
            self._enter("stalled", now)
            return None
        if self.state == "reconnecting":
            self._attempt = now
            self._enter("connecting", now)
            return "connect"
        if self.state == "stalled":
            self.lost(now, "stalled", f"{self._name} gave no new frame for {2 * policy.stall_after:g} s")
        else:
            self.lost(now, "timeout", f"{self._name} did not answer within {policy.connect_within:g} s")
        return "kill"

    def connection(self, now: float) -> Connection:
        """The figures so far; a gap that lasts is in them."""
        lasting = self._seen and self.state != "live"
        return Connection(
            reconnects=dict(self._reconnects),
            stalls=self._stalls,
            gaps=self._gaps + lasting,
            gap_seconds=self._gap_seconds + (now - self._last if lasting else 0.0),
            freezes=self._freezes,
        )

    def _enter(self, state: State, now: float) -> None:
        self.state, self.since = state, now
        if state != "reconnecting":
            self.retry_at = math.inf
