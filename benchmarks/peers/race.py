"""Contenders take turns, A B A B: what disturbs the machine disturbs them alike. Agreement is checked first."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgeseg.benchmarks.peers.turn import Task
from edgeseg.errors import EngineError

OURS = "ours"
SAME = 0.99
"""Share of equal pixels from which on two masks are called the same."""

CHECKED = 30
"""Frames whose masks are compared."""


@dataclass(frozen=True)
class Standing:
    """A contender after all rounds.

    Attributes:
        name: its file in this folder.
        agreement: share of pixels of its masks that are equal to ours.
        fps: frames a second, median over the rounds.
        core_ms: processor time a frame, median.
        ratios: its time over ours, round by round: above 1, ours is faster.
    """

    name: str
    agreement: float
    fps: float
    core_ms: float
    ratios: tuple[float, ...]

    @property
    def same(self) -> bool:
        """Whether it does the same work; one that does not is listed, and is no rival."""
        return self.agreement >= SAME

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the median of the ratios."""
        return {
            "name": self.name,
            "agreement": self.agreement,
            "same_work": self.same,
            "fps": self.fps,
            "core_ms": self.core_ms,
            "ours_is_faster_by": median(self.ratios),
            "ratios": list(self.ratios),
        }


def race(names: Sequence[str], task: Task, *, rounds: int, say: Callable[[str], None]) -> list[Standing]:
    """Ours and the others, in the order given; ours comes first.

    Args:
        names: files in this folder, without ours.
        task: what all of them do.
        rounds: turns of each.
        say: called with what is being done.

    Raises:
        EngineError: a contender failed.
    """
    say("masks of each, to compare")
    agreement = {OURS: 1.0, **_agreements(names, task)}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in (OURS, *names)}
    for number in range(rounds):
        for name, taken in turns.items():
            say(f"round {number + 1} of {rounds}: {name}")
            taken.append(json.loads(_turn(name, task)))
    pace = {name: [one["seconds"] / one["frames"] for one in taken] for name, taken in turns.items()}
    return [
        Standing(
            name,
            agreement[name],
            median(1 / each for each in pace[name]),
            median(1e3 * one["core_seconds"] / one["frames"] for one in taken),
            tuple(theirs / ours for theirs, ours in zip(pace[name], pace[OURS], strict=True)),
        )
        for name, taken in turns.items()
    ]


def _agreements(names: Sequence[str], task: Task) -> dict[str, float]:
    """Share of equal pixels of each contender's first masks."""
    with tempfile.TemporaryDirectory() as folder:

        def masks(name: str) -> Any:
            file = Path(folder) / f"{name}.npy"
            _turn(name, replace(task, masks=str(file), frames=min(task.frames, CHECKED)))
            return np.load(file)

        ours = masks(OURS)
        agreement = {}
        for name in names:
            theirs = masks(name)
            if theirs.shape != ours.shape:
                raise EngineError(f"{name} gave masks {theirs.shape}, expected {ours.shape}; look at its file")
            agreement[name] = float((theirs == ours).mean())
        return agreement


def _turn(name: str, task: Task) -> str:
    """What a contender prints."""
    command = [sys.executable, "-m", f"edgeseg.benchmarks.peers.{name}", task.to_text()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EngineError(f"{name} failed: {last[0]}; is its package installed?")
    return done.stdout
