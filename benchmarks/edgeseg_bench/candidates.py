"""Which artifacts of a bundle can be run here, by which engines, and whether these give the masks that they should."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator

from edgeseg import engines
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.errors import EngineError
from edgeseg.proof import Proof, ask
from edgeseg.segmenter import load

ALL = "all"
"""The name that asks for every engine."""


def candidates(bundle: Bundle, engine_name: str) -> tuple[list[Candidate], list[dict[str, str]]]:
    """Engine and artifact of each possible run, and what cannot be run with the reason.

    Args:
        bundle: the network.
        engine_name: a file name in edgeseg/engines, or "all" for every one that is installed.

    Raises:
        EngineError: the engine is unknown or absent.
        BundleError: the bundle has no artifact for it.
    """
    if engine_name != ALL:
        target = engines.runtime(engine_name).TARGET
        bundle.artifact(target=target)  # raises if there is none
        return [Candidate(engine_name, each) for each in bundle.artifacts_for(target)], []
    chosen: list[Candidate] = []
    skipped: list[dict[str, str]] = []
    for name in _installed(skipped):
        target = engines.runtime(name).TARGET
        options = [Candidate(name, artifact) for artifact in bundle.artifacts_for(target)]
        chosen += options
        if not options:
            skipped.append({"engine": name, "reason": f"bundle {bundle.spec.name} has no artifact for {target}"})
    return chosen, skipped


def proof(bundle: Bundle, candidate: Candidate, threads: int = 1) -> Proof | None:
    """What an engine gives for the golden frames, now; None where the bundle has none.

    Raises:
        BundleError: a file of the bundle is missing or was altered.
        EngineError: the engine refuses the artifact, or fails.
    """
    model = load(bundle, engine=candidate.engine, artifact=candidate.artifact, threads=threads)
    try:
        return ask(model, bundle.golden_frames())
    finally:
        model.close()


def _installed(skipped: list[dict[str, str]]) -> Iterator[str]:
    """Names of the engines whose packages are here, with their variants; the others are added to `skipped`."""
    for name in sorted(module.name for module in pkgutil.iter_modules(engines.__path__)):
        if name.startswith("_"):  # a part of a runtime's file, no runtime
            continue
        try:
            runtime = engines.runtime(name)
        except EngineError as error:
            skipped.append({"engine": name, "reason": str(error)})
            continue
        yield from (name, *(f"{name}:{variant}" for variant in getattr(runtime, "VARIANTS", ())))
