"""Writes cpp_bridge/tests/lives.json, what Python's state machine of reconnection does: python tests/cpp/lives.py."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from edgeseg.video.supervised.life import Action, Life, Policy

LIVES = Path(__file__).parents[2] / "cpp_bridge/tests/lives.json"

CAUSES = ["refused", "unauthorised", "closed", "timeout", "crashed"]


def answer(life: Life, action: Action | None, now: float) -> list[Any]:
    """All that a life shows after an event."""
    figures = life.connection(now)

    def finite(number: float) -> float | None:
        return None if math.isinf(number) else number

    shown: list[Any] = [life.state, life.since, life.cause, life.reason, finite(life.retry_at), life.frozen]
    counted = [figures.reconnects, figures.stalls, figures.gaps, figures.gap_seconds, figures.freezes]
    return [*shown, finite(life.deadline), action, *counted]


def lived(policy: dict[str, Any], chance: float, start: float, events: list[dict[str, Any]]) -> dict[str, Any]:
    """A life with what it showed after each event; a tick without a time comes when it is due."""
    life = Life("camera", Policy(**policy), start, lambda: chance)
    shown, now = [], start
    for event in events:
        kind = event["kind"]
        now = min(life.deadline, now + 1000) if kind == "due" else now + event["after"]
        action = None
        if kind == "frame":
            life.frame(now, unchanged=event["unchanged"])
        elif kind == "lost":
            life.lost(now, event["cause"], "it was so")
        else:
            action = life.tick(now)
        rest = {key: value for key, value in event.items() if key in ("unchanged", "cause")}
        happened = {"kind": "tick" if kind == "due" else kind, "now": now, **rest}
        shown.append({**happened, "answer": answer(life, action, now)})
    return {"policy": policy, "chance": chance, "start": start, "events": shown}


def event(luck: random.Random) -> dict[str, Any]:
    """Something that may happen to a source."""
    kind = luck.choices(["frame", "lost", "due", "tick"], [5, 1, 4, 1])[0]
    happened: dict[str, Any] = {"kind": kind, "after": luck.choice([0.0, 0.04, 0.5, 2.9, 3.0, 11.0])}
    if kind == "frame":
        happened["unchanged"] = luck.choice([0.0, 0.0, 9.9, 10.0, 60.0])
    if kind == "lost":
        happened["cause"] = luck.choices([*CAUSES, "unsupported"], [6, 6, 6, 6, 6, 1])[0]
    return happened


def lives() -> list[dict[str, Any]]:
    """Lives of every kind of patience."""
    luck = random.Random(0)
    found = []
    for give_up in (None, None, None, 5.0, 20.0, 100.0):
        for chance in (0.0, 0.37, 1.0):
            policy = {"stall_after": luck.choice([3.0, 0.7]), "connect_within": 13.0, "give_up_after": give_up}
            found.append(lived(policy, chance, luck.choice([0.0, 12345.678]), [event(luck) for _ in range(30)]))
    return found


if __name__ == "__main__":
    LIVES.write_text("[\n" + ",\n".join(json.dumps(life) for life in lives()) + "\n]\n", encoding="utf-8")
