"""Peers take turns, A B A B: what disturbs the machine disturbs them alike. Agreement is checked first."""

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
from lab.peers.environment import LABORATORY
from lab.peers.peer import Peer
from lab.peers.turn import Task

SAME = {"fp32": 0.99, "int8": 0.97}
"""Fraction of equal pixels from which on two masks are called the same; INT8 rounds, which moves borders."""

CHECKED = 30
"""Frames whose masks are compared."""

PATIENCE = 1800
"""Seconds that a turn may take: a peer's first converts the network, and may quantise or compile it."""


@dataclass(frozen=True)
class Job:
    """A peer with its task.

    Attributes:
        peer: the software and its precision.
        python: that runs it.
        task: what it does.
    """

    peer: Peer
    python: Path
    task: Task


@dataclass(frozen=True)
class PeerResult:
    """The figures of a peer after all rounds.

    Attributes:
        peer: the software and its precision.
        agreement: fraction of the pixels of its masks that are equal to ours in fp32.
        software: versions of the packages that did the work.
        paces: seconds a frame, round by round.
        core_ms: processor time a frame, median.
    """

    peer: Peer
    agreement: float
    software: dict[str, str]
    paces: tuple[float, ...]
    core_ms: float

    @property
    def comparable(self) -> bool:
        """Whether it does the same work, by its masks too; a peer that does not is listed apart."""
        return self.peer.comparable and self.agreement >= SAME[self.peer.precision]

    def to_json(self, ours: Mapping[str, PeerResult]) -> dict[str, Any]:
        """A JSON object with its time over ours, round by round.

        Args:
            ours: by precision.
        """
        ratios = {
            precision: [theirs / own for theirs, own in zip(self.paces, result.paces, strict=True)]
            for precision, result in ours.items()
        }
        return {
            "name": self.peer.file,
            "precision": self.peer.precision,
            "note": self.peer.note,
            "software": self.software,
            "agreement": self.agreement,
            "comparable": self.comparable,
            "fps": median(1 / pace for pace in self.paces),
            "core_ms": self.core_ms,
            "time_over_ours": {
                precision: {"median": median(each), "rounds": each} for precision, each in ratios.items()
            },
        }


def run_rounds(jobs: list[Job], *, rounds: int, say: Callable[[str], None]) -> tuple[list[PeerResult], dict[str, str]]:
    """Checks the masks of all peers, then lets them take turns; every other round runs backwards.

    Args:
        jobs: ours in fp32 comes first, the masks of the others are compared with its.
        rounds: turns of each.
        say: called with what is being done.

    Returns:
        The results, in the order given, and those that failed the check with the reason.

    Raises:
        EngineError: ours failed, or another one after it had passed the check.
    """
    passed, absent = _check(jobs, say)
    turns: dict[str, list[dict[str, float]]] = {job.peer.name: [] for job, _, _ in passed}
    for number in range(rounds):
        for job, _, _ in passed[:: -1 if number % 2 else 1]:
            say(f"round {number + 1} of {rounds}: {job.peer.name}")
            turns[job.peer.name].append(_turn(job))
    results = [
        PeerResult(
            job.peer,
            agreement,
            software,
            tuple(one["seconds"] / one["frames"] for one in turns[job.peer.name]),
            median(1e3 * one["core_seconds"] / one["frames"] for one in turns[job.peer.name]),
        )
        for job, agreement, software in passed
    ]
    return results, absent


def _check(
    jobs: list[Job], say: Callable[[str], None]
) -> tuple[list[tuple[Job, float, dict[str, str]]], dict[str, str]]:
    """Each job with its fraction of pixels that are equal to the first's, and its software; those that failed."""
    passed: list[tuple[Job, float, dict[str, str]]] = []
    absent = {}
    with tempfile.TemporaryDirectory() as folder:
        first = None
        for job in jobs:
            say(f"masks, to compare: {job.peer.name}")
            file = Path(folder) / "masks.npy"
            task = replace(job.task, masks=str(file), frames=min(job.task.frames, CHECKED))
            try:
                software = _turn(replace(job, task=task))
                masks = np.load(file)
                if first is not None and masks.shape != first.shape:
                    raise EngineError(f"its masks are {masks.shape}, expected {first.shape}; look at its file")
            except EngineError as error:
                if first is None:
                    raise
                absent[job.peer.name] = str(error)
                continue
            first = masks if first is None else first
            passed.append((job, float((masks == first).mean()), software))
    return passed, absent


def _turn(job: Job) -> Any:
    """Runs one turn in a process of its own; the JSON value on its last line.

    Raises:
        EngineError: it failed.
    """
    name = job.peer.file
    command = [str(job.python), "-m", f"lab.peers.{name}", job.task.to_text()]
    try:
        result = subprocess.run(  # in a folder without Python files, which could stand in for packages
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            cwd=job.task.folder,
            env=LABORATORY,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{name} took longer than {PATIENCE} s, expected a few; is the machine busy?") from error
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:] or [f"exit code {result.returncode}"]
        raise EngineError(f"{name} failed: {last[0]}; is its package installed?")
    return json.loads(result.stdout.strip().splitlines()[-1])
