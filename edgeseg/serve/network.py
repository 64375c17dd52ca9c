"""The bundle that a service runs: loaded, and asked for its golden frames, before it gets a camera's."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from edgeseg.artifact import Artifact
from edgeseg.batch_size import choose_batch
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, EngineError
from edgeseg.proof import ask, shortfall
from edgeseg.segmenter import Segmenter, load
from edgeseg.serve.settings import BundleSettings
from edgeseg.video.options import StreamOptions, engine_threads

_log = logging.getLogger("edgeseg")


@dataclass(frozen=True)
class Network:
    """A loaded bundle.

    Attributes:
        settings: that it was loaded by.
        bundle: as it was then.
        model: segments.
        engine: the runtime.
        artifact: that runs.
        agreement: percent of the golden frames' pixels that have the golden class; None without golden frames.
        batch: frames of several cameras in one call, at most.
    """

    settings: BundleSettings
    bundle: Bundle
    model: Segmenter
    engine: str
    artifact: Artifact
    agreement: float | None
    batch: int = 1

    @property
    def workers(self) -> int:
        """Threads that segment at once."""
        return _workers(self.settings, self.model)

    def answers_like(self, other: Network) -> bool:
        """Whether its masks mean the same: whoever takes the other's can take these."""
        ours, theirs = self.bundle.spec, other.bundle.spec
        return (ours.classes, ours.palette, ours.head) == (theirs.classes, theirs.palette, theirs.head)


def load_network(settings: BundleSettings, bundle: Bundle) -> Network:
    """Loads a bundle, asks it for its golden frames where it has some, and measures whether several at once gain.

    Args:
        settings: which engine, and so on.
        bundle: that the settings name, opened.

    Raises:
        BundleError: the bundle is altered, not signed as asked for, or has no such artifact.
        EngineError: the runtime is absent, refuses the artifact, or does not give the golden masks.
        UsageError: a key is not in order.
    """
    threads = engine_threads(settings.mode) if settings.threads is None else settings.threads
    model = load(
        bundle,
        engine=settings.engine,
        precision=settings.precision,
        threads=threads,
        **vars(settings.demand),
        say=_log.info,
    )
    candidate = model.candidate
    assert candidate is not None
    try:
        proof = ask(model, bundle.golden_frames())
        if proof is not None and (wrong := shortfall(candidate.artifact, proof)) is not None:
            raise EngineError(f"bundle {bundle.spec.name} in {candidate}: {wrong}; take another engine or precision")
        batch = _batch(settings, model)
    except (BundleError, EngineError):
        model.close()
        raise
    agreement = None if proof is None else proof.agreement
    return Network(settings, bundle, model, candidate.engine, candidate.artifact, agreement, batch)


def _workers(settings: BundleSettings, model: Segmenter) -> int:
    return StreamOptions(mode=settings.mode, workers=settings.workers).frames_at_once(model.threads)


def _batch(settings: BundleSettings, model: Segmenter) -> int:
    """How many frames go into one call.

    Raises:
        EngineError: several are asked for, and the engine takes one.
    """
    if settings.batch == "on" and model.batch == 1:
        raise EngineError(f'batch is "on", and engine {model.candidate} takes one frame at a time; leave it out')
    if settings.batch == "off" or model.batch == 1 or (settings.batch == "auto" and settings.mode == "latency"):
        return 1
    if settings.batch == "on":
        return model.batch
    size = choose_batch(model, workers=_workers(settings, model), say=_log.info)
    _log.info("%s", size)
    return size.best
