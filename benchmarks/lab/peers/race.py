"""Contenders take turns, A B A B: what disturbs the machine disturbs them alike. Agreement is checked first."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgeseg.errors import EngineError
from lab.peers.contenders import Contender
from lab.peers.environment import LABORATORY
from lab.peers.turn import Task

SAME = {"fp32": 0.99, "int8": 0.97}
"""Share of equal pixels from which on two masks are called the same; INT8 rounds, which moves borders."""

CHECKED = 30
"""Frames whose masks are compared."""

PATIENCE = 1800
"""Seconds that a turn may take: a contender's first converts the network, and may quantise or compile it."""


@dataclass(frozen=True)
class Entry:
    """A contender at the start.

    Attributes:
        contender: who.
        python: that runs it.
        task: what it does.
    """

    contender: Contender
    python: Path
    task: Task


@dataclass(frozen=True)
class Standing:
    """A contender after all rounds.

    Attributes:
        contender: who.
        agreement: share of pixels of its masks that are equal to ours in fp32.
        software: versions of the packages that did the work.
        paces: seconds a frame, round by round.
        core_ms: processor time a frame, median.
    """

    contender: Contender
    agreement: float
    software: dict[str, str]
    paces: tuple[float, ...]
    core_ms: float

    @property
    def rival(self) -> bool:
        """Whether it does the same work; one that does not is listed, and is no rival."""
        return self.contender.rival and self.agreement >= SAME[self.contender.precision]

    def to_json(self, ours: Mapping[str, Standing]) -> dict[str, Any]:
        """A JSON object with its time over ours, round by round.

        Args:
            ours: by precision.
        """
        ratios = {
            precision: [theirs / own for theirs, own in zip(self.paces, standing.paces, strict=True)]
            for precision, standing in ours.items()
        }
        return {
            "name": self.contender.file,
            "precision": self.contender.precision,
            "note": self.contender.note,
            "software": self.software,
            "agreement": self.agreement,
            "rival": self.rival,
            "fps": median(1 / pace for pace in self.paces),
            "core_ms": self.core_ms,
            "time_over_ours": {
                precision: {"median": median(each), "rounds": each} for precision, each in ratios.items()
            },
        }


def race(entries: list[Entry], *, rounds: int, say: Callable[[str], None]) -> tuple[list[Standing], dict[str, str]]:
    """Checks everybody's masks, then lets them take turns; every other round runs backwards.

    Args:
        entries: ours in fp32 comes first, the masks of the others are compared with its.
        rounds: turns of each.
        say: called with what is being done.

    Returns:
        The standings, in the order given, and those that failed the check with the reason.

    Raises:
        EngineError: ours failed, or another one after it had passed the check.
    """
    passed, absent = _check(entries, say)
    turns: dict[str, list[dict[str, float]]] = {entry.contender.name: [] for entry, _, _ in passed}
    for number in range(rounds):
        for entry, _, _ in passed[:: -1 if number % 2 else 1]:
            say(f"round {number + 1} of {rounds}: {entry.contender.name}")
            turns[entry.contender.name].append(_turn(entry))
    standings = [
        Standing(
            entry.contender,
            agreement,
            software,
            tuple(one["seconds"] / one["frames"] for one in turns[entry.contender.name]),
            median(1e3 * one["core_seconds"] / one["frames"] for one in turns[entry.contender.name]),
        )
        for entry, agreement, software in passed
    ]
    return standings, absent


def _check(
    entries: list[Entry], say: Callable[[str], None]
) -> tuple[list[tuple[Entry, float, dict[str, str]]], dict[str, str]]:
    """Each entry with its share of pixels that are equal to the first's, and its software; those that failed."""
    passed: list[tuple[Entry, float, dict[str, str]]] = []
    absent = {}
    with tempfile.TemporaryDirectory() as folder:
        first = None
        for entry in entries:
            say(f"masks, to compare: {entry.contender.name}")
            file = Path(folder) / "masks.npy"
            task = replace(entry.task, masks=str(file), frames=min(entry.task.frames, CHECKED))
            try:
                software = _turn(replace(entry, task=task))
                masks = np.load(file)
                if first is not None and masks.shape != first.shape:
                    raise EngineError(f"its masks are {masks.shape}, expected {first.shape}; look at its file")
            except EngineError as error:
                if first is None:
                    raise
                absent[entry.contender.name] = str(error)
                continue
            first = masks if first is None else first
            passed.append((entry, float((masks == first).mean()), software))
    return passed, absent


def _turn(entry: Entry) -> Any:
    """What a contender prints on its last line.

    Raises:
        EngineError: it failed.
    """
    name = entry.contender.file
    command = [str(entry.python), "-m", f"lab.peers.{name}", entry.task.to_text()]
    try:
        done = subprocess.run(  # in a folder without Python files, which could stand in for packages
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            cwd=entry.task.folder,
            env=LABORATORY,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{name} took longer than {PATIENCE} s, expected a few; is the machine busy?") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise EngineError(f"{name} failed: {last[0]}; is its package installed?")
    return json.loads(done.stdout.strip().splitlines()[-1])
