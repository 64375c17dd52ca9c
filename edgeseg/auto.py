"""Engine "auto": which artifact of a bundle runs fastest here, in which runtime, among those that keep the accuracy.

A short measurement answers, once; the answer is kept in the cache folder with all that it depends on:

    auto-9f86d081884c7d65.json
    {"key": {"artifacts": {...}, "runtimes": {...}, "processor": "...", "cores": 2, "threads": 1, ...},
     "taken": {"engine": "openvino", "precision": "int8"},
     "measured": [{"engine": "onnxruntime", "precision": "fp32", "ms": 24.9}, ...],
     "left_out": ["onnxruntime int8-7bit: ..."]}
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.artifact import GATE, SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.cache import cache_folder, keep, recall
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import EngineError
from edgeseg.processor import available_cores, processor, sums_int8_exactly

AUTO = "auto"
TARGET = "onnxruntime"
RUNTIMES = ("onnxruntime", "openvino")
"""Of the CPU, for artifacts of that target; an earlier one is taken where a later one is not clearly faster."""

MARGIN = 0.95
"""Of the time of what would be taken otherwise: less is no difference, as the next measurement may say the opposite."""

SECONDS = 2.0
ROUNDS = (3, 60)
"""Turns of each candidate, at least and at most."""

FORMAT = 1


@dataclass(frozen=True)
class Choice:
    """What "auto" takes.

    Attributes:
        engine: the runtime.
        precision: of the artifact.
        measured: milliseconds a frame by (engine, precision), with all cores busy; empty if there was no choice.
        left_out: one sentence for each artifact or runtime that could not be taken.
    """

    engine: str
    precision: str
    measured: Mapping[tuple[str, str], float]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        figures = ", ".join(
            f"{engine} {precision} {ms:.1f}"
            for (engine, precision), ms in sorted(self.measured.items(), key=lambda item: item[1])
        )
        why = f", ms a frame here: {figures}" if figures else ", the only one"
        return "; ".join((f"{self.engine} {self.precision}{why}", *self.left_out))


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
        EngineError: no runtime takes any artifact.
    """
    candidates, left_out = _candidates(bundle, precision)
    if len(candidates) == 1:
        return _only(candidates, left_out)
    file, key = _place(bundle, candidates, threads)
    kept = _read(file, key)
    if kept is not None:
        return kept
    say(f"measuring {len(candidates)} ways to run {bundle.spec.name} on this machine, once, about {SECONDS:.0f} s")
    measured, refused = _measure(bundle, candidates, threads)
    engine, precision = _fastest(measured)
    choice = Choice(engine, precision, measured, (*left_out, *refused))
    keep(file, _to_text(choice, key).encode())
    return choice


def remembered(bundle: Bundle, *, threads: int) -> Choice | None:
    """What `choose` would take without measuring; None if it would have to measure.

    Raises:
        BundleError: the bundle has no artifact for the CPU.
        EngineError: none of them may be taken unasked.
    """
    candidates, left_out = _candidates(bundle, None)
    if len(candidates) == 1:
        return _only(candidates, left_out)
    return _read(*_place(bundle, candidates, threads))


def _only(candidates: list[tuple[str, Artifact]], left_out: list[str]) -> Choice:
    ((engine, artifact),) = candidates
    return Choice(engine, artifact.precision, {}, tuple(left_out))


def _candidates(bundle: Bundle, precision: str | None) -> tuple[list[tuple[str, Artifact]], list[str]]:
    """Runtime and artifact, what is safest first; and why others are none."""
    first = bundle.artifact(target=TARGET, precision=precision)
    artifacts, left_out = ([first], []) if precision is not None else _acceptable(bundle)
    there = [name for name in RUNTIMES if find_spec(name) is not None]
    return [(engine, artifact) for engine in there for artifact in artifacts], left_out


def _acceptable(bundle: Bundle) -> tuple[list[Artifact], list[str]]:
    """The artifacts that may be taken unasked, fp32 first; and why others may not."""
    artifacts = {each.precision: each for each in bundle.artifacts if each.target == TARGET}
    left_out = []
    if "int8" in artifacts and sums_int8_exactly():
        artifacts.pop(SEVEN_BITS, None)  # no faster, and less exact
    elif artifacts.pop("int8", None):
        left_out.append("int8 left out: this processor has no VNNI, without which its sums saturate")
    if not artifacts:
        raise EngineError(
            f"bundle {bundle.spec.name} has nothing but int8, whose sums saturate on this processor, which has no "
            "VNNI; ask for int8 if that will do"
        )
    fp32 = artifacts.pop("fp32", None) or artifacts.pop(next(iter(artifacts)))
    for each in artifacts.values():
        if not each.keeps_accuracy_of(fp32):
            left_out.append(f"{each.precision} left out: it loses more than {GATE:g} mIoU, or that was not measured")
    return [fp32, *(each for each in artifacts.values() if each.keeps_accuracy_of(fp32))], left_out


def _place(bundle: Bundle, candidates: list[tuple[str, Artifact]], threads: int) -> tuple[Path, dict[str, Any]]:
    """The file of an answer, and all that the answer depends on."""
    key = {
        "format": FORMAT,
        "edgeseg": version("edgeseg"),
        "bundle": bundle.spec.to_json(),
        "artifacts": {artifact.precision: artifact.sha256 for _, artifact in candidates},
        "runtimes": {name: _version(name) for name in dict.fromkeys(engine for engine, _ in candidates)},
        "processor": processor(),
        "cores": available_cores(),
        "threads": threads,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"auto-{digest[:16]}.json", key


def _version(runtime: str) -> str:
    try:
        return version(runtime)
    except PackageNotFoundError:  # a build under another name, "onnxruntime-gpu"
        return "unknown"


def _measure(
    bundle: Bundle, candidates: list[tuple[str, Artifact]], threads: int
) -> tuple[dict[tuple[str, str], float], list[str]]:
    """Milliseconds a frame, in turns: whatever else the machine does meets all of them; and why some do not run."""
    engines: dict[tuple[str, str], Engine] = {}
    refused = []
    for name, artifact in candidates:
        try:
            engines[name, artifact.precision] = open_engine(name, bundle.path(artifact), bundle.spec, threads)
        except EngineError as error:
            refused.append(f"{name} {artifact.precision} left out: {error}")
    if not engines:
        raise EngineError(f"nothing runs bundle {bundle.spec.name} here: {'; '.join(refused)}")
    spec = bundle.spec
    frame = np.random.default_rng(0).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
    workers = max(1, available_cores() // threads)
    times: dict[tuple[str, str], list[float]] = {kind: [] for kind in engines}
    with ThreadPoolExecutor(workers) as pool:

        def turn(engine: Engine) -> float:
            started = time.perf_counter()
            list(pool.map(engine.infer, [frame] * workers))
            return 1e3 * (time.perf_counter() - started) / workers

        for each in engines.values():
            turn(each)
        until = time.perf_counter() + SECONDS
        for number in range(ROUNDS[1]):
            if number >= ROUNDS[0] and time.perf_counter() > until:
                break
            for kind, each in engines.items():
                times[kind].append(turn(each))
    for each in engines.values():
        each.close()
    return {kind: statistics.median(taken) for kind, taken in times.items()}, refused


def _fastest(measured: Mapping[tuple[str, str], float]) -> tuple[str, str]:
    best, *others = measured
    for other in others:
        if measured[other] < MARGIN * measured[best]:
            best = other
    return best


def _to_text(choice: Choice, key: Mapping[str, Any]) -> str:
    measured = [
        {"engine": engine, "precision": precision, "ms": round(ms, 3)}
        for (engine, precision), ms in choice.measured.items()
    ]
    taken = {"engine": choice.engine, "precision": choice.precision}
    answer = {"key": key, "taken": taken, "measured": measured, "left_out": choice.left_out}
    return json.dumps(answer, indent=2, allow_nan=False) + "\n"


def _read(file: Path, key: Mapping[str, Any]) -> Choice | None:
    """The answer in a file that `_to_text` wrote for this key; None where there is none, or it is damaged."""
    try:
        data = json.loads(recall(file) or b"")
        measured = {(str(each["engine"]), str(each["precision"])): float(each["ms"]) for each in data["measured"]}
        taken = data["taken"]["engine"], data["taken"]["precision"]
        left_out = tuple(str(each) for each in data["left_out"])
        whole = data["key"] == key and taken in measured
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Choice(*taken, measured, left_out) if whole else None
