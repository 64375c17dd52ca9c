"""What others may know of a supervised source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["connecting", "live", "stalled", "reconnecting", "failed"]


@dataclass(frozen=True)
class Status:
    """Where a supervised source stands.

    Attributes:
        state: of its connection.
        seconds: since it began.
        cause: one word for what last went wrong; None as long as nothing did.
        reason: the same as a sentence.
        retry_in: seconds until it is connected anew; None unless it is reconnecting.
        frozen: its picture does not change.
        pid: of its process; None where there is none just now.
    """

    state: State
    seconds: float
    cause: str | None
    reason: str | None
    retry_in: float | None
    frozen: bool
    pid: int | None


@dataclass(frozen=True)
class Connection:
    """What became of a supervised source's connection.

    Attributes:
        reconnects: how often it was to be made anew, by the cause that ended the one before, failed attempts too.
        stalls: how often no new frame came for `stall_after`.
        gaps: stretches without a frame, by stalls and losses; one that lasts counts too.
        gap_seconds: how long they were together, from the arrival of a frame to that of the next.
        freezes: how often the picture did not change for `frozen_after`.
    """

    reconnects: dict[str, int]
    stalls: int
    gaps: int
    gap_seconds: float
    freezes: int
