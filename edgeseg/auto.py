"""Engine "auto": which artifact of a bundle runs fastest here, in which runtime, among those that keep the accuracy.

What the bundle says of an artifact's accuracy was measured elsewhere: each candidate is asked for the golden frames
first, and left out where this machine does not give their masks (edgeseg/proof.py). A short measurement answers, once;
the answer is kept in the cache folder with all that it depends on:

    auto-9f86d081884c7d65.json
    {"key": {"artifacts": {...}, "runtimes": {...}, "processor": "...", "cores": 2, "threads": 1, ...},
     "choice": {"engine": "openvino", "precision": "int8"},
     "measured": [{"engine": "onnxruntime", "precision": "fp32", "ms": 24.9}, ...],
     "left_out": ["onnxruntime int8-7bit: ..."]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from edgeseg.answers import keep_answer, recall_answer
from edgeseg.bundle import Bundle
from edgeseg.cache import one_at_a_time
from edgeseg.candidate import Candidate, unasked_candidates
from edgeseg.engines import Engine
from edgeseg.errors import EngineError
from edgeseg.processor import available_cores, processor
from edgeseg.proof import least, proof_of, runtime_version, shortfall
from edgeseg.turns import time_in_turns

AUTO = "auto"

MARGIN = 0.95
"""A later candidate is chosen where it takes less than this share of the time: less is no difference, as the next
measurement may say the opposite."""

SECONDS = 2.0

FORMAT = 1


class Timing(NamedTuple):
    """Milliseconds a frame of one candidate, with all cores busy."""

    candidate: Candidate
    ms: float


@dataclass(frozen=True)
class Choice:
    """What "auto" chooses.

    Attributes:
        candidate: the runtime and the artifact.
        measured: every candidate that ran; empty if there was no choice.
        left_out: one sentence for each artifact or runtime that could not be chosen.
    """

    candidate: Candidate
    measured: tuple[Timing, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        figures = ", ".join(f"{each.candidate} {each.ms:.1f}" for each in sorted(self.measured, key=lambda it: it.ms))
        reason = f", ms a frame here: {figures}" if figures else ", the only one"
        return "; ".join((f"{self.candidate}{reason}", *self.left_out))


def choose(
    bundle: Bundle, *, threads: int, precision: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Choice:
    """The fastest artifact and runtime, as remembered or measured now, which takes a couple of seconds.

    Args:
        bundle: with artifacts for ONNX Runtime; OpenVINO reads the same.
        threads: that one inference runs on; as many run at once as the cores can serve.
        precision: of the artifact; by default every one that keeps the accuracy of fp32.
        say: called with a sentence before measuring.

    Raises:
        BundleError: the bundle has no such artifact, or one was altered.
        EngineError: no runtime takes any artifact, or none gives the masks of the golden frames.
    """
    candidates, left_out = unasked_candidates(bundle, precision)
    if len(candidates) == 1 and bundle.golden is None:
        return Choice(candidates[0], (), tuple(left_out))
    key = _key(bundle, candidates, threads)
    known = _recalled(key, candidates)
    if known is not None:
        return known
    with one_at_a_time():  # two that measure at once disturb each other; who has waited takes what the first found
        known = _recalled(key, candidates)
        if known is not None:
            return known
        say(_announcement(bundle, candidates))
        agreeing, wrong = _agreeing(bundle, candidates, threads)
        if len(agreeing) == 1:
            choice = Choice(agreeing[0], (), (*left_out, *wrong))
        else:
            measured, refused = _measure(bundle, agreeing, threads)
            choice = Choice(_fastest(measured), tuple(measured), (*left_out, *wrong, *refused))
        keep_answer("auto", key, _fields(choice))
        return choice


def remembered(bundle: Bundle, *, threads: int) -> Choice | None:
    """What `choose` would choose without measuring; None if it would have to measure.

    Raises:
        BundleError: the bundle has no artifact for the CPU.
        EngineError: none of them may be chosen unasked.
    """
    candidates, left_out = unasked_candidates(bundle)
    if len(candidates) == 1 and bundle.golden is None:
        return Choice(candidates[0], (), tuple(left_out))
    return _recalled(_key(bundle, candidates, threads), candidates)


def _announcement(bundle: Bundle, candidates: Sequence[Candidate]) -> str:
    """What is about to take time."""
    if len(candidates) == 1:
        return f"asking {candidates[0]} for the golden frames of {bundle.spec.name} on this machine, once"
    unasked = "" if bundle.golden else "; it has no golden frames, so what they answer here is not checked"
    return (
        f"measuring {len(candidates)} ways to run {bundle.spec.name} on this machine, once, about {SECONDS:.0f} s"
        f"{unasked}"
    )


def _key(bundle: Bundle, candidates: Sequence[Candidate], threads: int) -> dict[str, Any]:
    """All that an answer depends on."""
    return {
        "format": FORMAT,
        "edgeseg": runtime_version("edgeseg"),
        "bundle": bundle.spec.to_json(),
        "artifacts": {artifact.precision: artifact.sha256 for _, artifact in candidates},
        "golden": bundle.golden and bundle.golden.digest,
        "least": {artifact.precision: least(artifact) for _, artifact in candidates} if bundle.golden else None,
        "runtimes": {name: runtime_version(name) for name in dict.fromkeys(engine for engine, _ in candidates)},
        "processor": processor(),
        "cores": available_cores(),
        "threads": threads,
    }


def _agreeing(
    bundle: Bundle, candidates: Sequence[Candidate], threads: int
) -> tuple[Sequence[Candidate], list[str]]:
    """The candidates that give the masks of the golden frames here, and a sentence for each of the others.

    Raises:
        EngineError: there is none.
    """
    if bundle.golden is None:
        return candidates, []
    agreeing, wrong = [], []
    for each in candidates:
        try:
            proof = proof_of(bundle, each, threads)
            reason = None if proof is None else shortfall(each.artifact, proof)
        except EngineError as error:
            reason = str(error)
        if reason is None:
            agreeing.append(each)
        else:
            wrong.append(f"{each} left out: {reason}")
    if not agreeing:
        raise EngineError(
            f"nothing runs bundle {bundle.spec.name} here as it should: {'; '.join(wrong)}; `edgeseg check` shows "
            "more, and an engine that is asked for by name is used all the same"
        )
    return agreeing, wrong


def _measure(bundle: Bundle, candidates: Sequence[Candidate], threads: int) -> tuple[list[Timing], list[str]]:
    """Times the candidates in turns, so that whatever else the machine does meets all of them.

    Returns:
        The timings, in the candidates' order, and a sentence for each candidate that does not run.
    """
    engines: list[tuple[Candidate, Engine]] = []
    refused = []
    for each in candidates:
        try:
            engines.append((each, each.open(bundle, threads)))
        except EngineError as error:
            refused.append(f"{each} left out: {error}")
    spec = bundle.spec
    frame = np.random.default_rng(0).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
    workers = max(1, available_cores() // threads)
    failed: dict[int, EngineError] = {}

    def infer(number: int, engine: Engine) -> None:
        try:
            engine.infer(frame)
        except EngineError as error:
            failed[number] = error

    calls = [partial(infer, number, engine) for number, (_, engine) in enumerate(engines)]
    times = time_in_turns(calls, workers=workers, seconds=SECONDS)
    for _, engine in engines:
        engine.close()
    refused += [f"{engines[number][0]} left out: {error}" for number, error in sorted(failed.items())]
    measured = [
        Timing(each, 1e3 * time / workers)
        for number, ((each, _), time) in enumerate(zip(engines, times, strict=True))
        if number not in failed
    ]
    if not measured:
        raise EngineError(f"nothing runs bundle {bundle.spec.name} here: {'; '.join(refused)}")
    return measured, refused


def _fastest(measured: Sequence[Timing]) -> Candidate:
    best, *others = measured
    for other in others:
        if other.ms < MARGIN * best.ms:
            best = other
    return best.candidate


def _fields(choice: Choice) -> dict[str, Any]:
    """A choice, as the file keeps it."""
    return {
        "choice": _names(choice.candidate),
        "measured": [{**_names(each.candidate), "ms": round(each.ms, 3)} for each in choice.measured],
        "left_out": choice.left_out,
    }


def _recalled(key: Mapping[str, Any], candidates: Sequence[Candidate]) -> Choice | None:
    """The choice that was kept for this key; None where there is none, or it is damaged."""
    known = {(each.engine, each.artifact.precision): each for each in candidates}

    def named(names: Mapping[str, Any]) -> Candidate:
        return known[names["engine"], names["precision"]]

    def read(fields: Any) -> Choice:
        measured = tuple(Timing(named(each), float(each["ms"])) for each in fields["measured"])
        return Choice(named(fields["choice"]), measured, tuple(str(each) for each in fields["left_out"]))

    return recall_answer("auto", key, read)


def _names(candidate: Candidate) -> dict[str, str]:
    """A candidate, as the file names it."""
    return {"engine": candidate.engine, "precision": candidate.artifact.precision}
