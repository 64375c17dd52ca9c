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

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edgeseg.artifact import SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.cache import cache_folder, keep, one_at_a_time, recall
from edgeseg.candidate import CPU_RUNTIMES, CPU_TARGET, Candidate, saturates
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import EngineError
from edgeseg.json_fields import parse_json
from edgeseg.processor import NO_VNNI, available_cores, processor
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
    candidates, left_out = _candidates(bundle, precision)
    if len(candidates) == 1 and bundle.golden is None:
        return Choice(candidates[0], (), tuple(left_out))
    file, key = _place(bundle, candidates, threads)
    known = _read(file, key, candidates)
    if known is not None:
        return known
    with one_at_a_time():  # two that measure at once disturb each other; who has waited takes what the first found
        known = _read(file, key, candidates)
        if known is not None:
            return known
        say(_announcement(bundle, candidates))
        agreeing, wrong = _agreeing(bundle, candidates, threads)
        if len(agreeing) == 1:
            choice = Choice(agreeing[0], (), (*left_out, *wrong))
        else:
            measured, refused = _measure(bundle, agreeing, threads)
            choice = Choice(_fastest(measured), tuple(measured), (*left_out, *wrong, *refused))
        keep(file, _to_text(choice, key).encode())
        return choice


def remembered(bundle: Bundle, *, threads: int) -> Choice | None:
    """What `choose` would choose without measuring; None if it would have to measure.

    Raises:
        BundleError: the bundle has no artifact for the CPU.
        EngineError: none of them may be chosen unasked.
    """
    candidates, left_out = _candidates(bundle, None)
    if len(candidates) == 1 and bundle.golden is None:
        return Choice(candidates[0], (), tuple(left_out))
    return _read(*_place(bundle, candidates, threads), candidates)


def _announcement(bundle: Bundle, candidates: Sequence[Candidate]) -> str:
    """What is about to take time."""
    if len(candidates) == 1:
        return f"asking {candidates[0]} for the golden frames of {bundle.spec.name} on this machine, once"
    unasked = "" if bundle.golden else "; it has no golden frames, so what they answer here is not checked"
    return (
        f"measuring {len(candidates)} ways to run {bundle.spec.name} on this machine, once, about {SECONDS:.0f} s"
        f"{unasked}"
    )


def _candidates(bundle: Bundle, precision: str | None) -> tuple[list[Candidate], list[str]]:
    """What may be chosen, what is safest first: an earlier one stays where a later one is not clearly faster.

    Returns:
        The candidates, and a sentence for each artifact that is none.
    """
    first = bundle.artifact(target=CPU_TARGET, precision=precision)
    artifacts, left_out = ([first], []) if precision is not None else _acceptable(bundle)
    installed = [name for name in CPU_RUNTIMES if find_spec(name) is not None]
    return [Candidate(engine, artifact) for engine in installed for artifact in artifacts], left_out


def _acceptable(bundle: Bundle) -> tuple[list[Artifact], list[str]]:
    """The artifacts that may be chosen unasked, fp32 first; and why others may not."""
    artifacts = {each.precision: each for each in bundle.artifacts if each.target == CPU_TARGET}
    left_out = []
    if "int8" in artifacts and saturates(Candidate(CPU_TARGET, artifacts["int8"])):
        del artifacts["int8"]
        left_out.append(f"int8 left out: {NO_VNNI}")
    elif "int8" in artifacts:
        artifacts.pop(SEVEN_BITS, None)  # no faster, and less exact
    if not artifacts:
        raise EngineError(
            f"bundle {bundle.spec.name} has nothing but int8, whose sums saturate on this processor, which has no "
            "VNNI; ask for int8 if that will do"
        )
    fp32 = artifacts.pop("fp32", None) or artifacts.pop(next(iter(artifacts)))
    for each in artifacts.values():
        if (loss := each.loss_against(fp32)) is not None:
            left_out.append(f"{each.precision} left out: {loss}")
    return [fp32, *(each for each in artifacts.values() if each.keeps_accuracy_of(fp32))], left_out


def _place(bundle: Bundle, candidates: Sequence[Candidate], threads: int) -> tuple[Path, dict[str, Any]]:
    """The file of an answer, and all that the answer depends on."""
    key = {
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
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"auto-{digest[:16]}.json", key


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
            "more, and an engine that is asked for by name is taken all the same"
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
            engines.append((each, _open(bundle, each, threads)))
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


def _open(bundle: Bundle, candidate: Candidate, threads: int) -> Engine:
    content = bundle.read(candidate.artifact)
    return open_engine(candidate.engine, bundle.path(candidate.artifact), bundle.spec, threads, content)


def _fastest(measured: Sequence[Timing]) -> Candidate:
    best, *others = measured
    for other in others:
        if other.ms < MARGIN * best.ms:
            best = other
    return best.candidate


def _to_text(choice: Choice, key: Mapping[str, Any]) -> str:
    answer = {
        "key": key,
        "choice": _names(choice.candidate),
        "measured": [{**_names(each.candidate), "ms": round(each.ms, 3)} for each in choice.measured],
        "left_out": choice.left_out,
    }
    return json.dumps(answer, indent=2, allow_nan=False) + "\n"


def _read(file: Path, key: Mapping[str, Any], candidates: Sequence[Candidate]) -> Choice | None:
    """The answer in a file that `_to_text` wrote for this key; None where there is none, or it is damaged."""

    known = {(each.engine, each.artifact.precision): each for each in candidates}

    def named(names: Mapping[str, Any]) -> Candidate:
        return known[names["engine"], names["precision"]]

    try:
        data = parse_json(recall(file) or b"")
        if data["key"] != key:
            return None
        measured = tuple(Timing(named(each), float(each["ms"])) for each in data["measured"])
        return Choice(named(data["choice"]), measured, tuple(str(each) for each in data["left_out"]))
    except (ValueError, KeyError, TypeError):
        return None


def _names(candidate: Candidate) -> dict[str, str]:
    """A candidate, as the file names it."""
    return {"engine": candidate.engine, "precision": candidate.artifact.precision}
