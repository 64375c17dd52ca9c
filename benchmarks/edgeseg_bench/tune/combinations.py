"""Every combination of network, resolution, precision, engine and number of threads; of batches too, if asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeseg.artifact import Artifact
from edgeseg.batch_size import numbers
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.errors import EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.proof import shortfall
from edgeseg.segmenter import Segmenter, load
from edgeseg_bench.candidates import candidates, proof

SCALES = (0.5, 0.75, 1.0)
"""Of the input's own size, for networks that take any."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Combination:
    """One combination.

    Attributes:
        bundle: the network.
        bundle_name: as the user wrote it.
        engine: a file name in edgeseg/engines.
        artifact: of the bundle, that the engine reads.
        size: width and height of the network's input.
        threads: that an inference runs on.
        workers: inferences at once: as many as there are cores for.
        batch: frames in an inference.
    """

    bundle: Bundle
    bundle_name: str
    engine: str
    artifact: Artifact
    size: Size
    threads: int
    workers: int
    batch: int = 1

    @property
    def name(self) -> str:
        """What the combination is, in one line."""
        width, height = self.size
        at_once = f"{self.workers} x {self.threads} thread{'s' * (self.threads > 1)}"
        batch = f", {self.batch} frames a call" if self.batch > 1 else ""
        return f"{self.bundle_name} {self.artifact.precision} {width}x{height}, {self.engine}, {at_once}{batch}"

    def open(self, threads: int) -> Segmenter:
        """Loads it, on so many threads.

        Raises:
            EngineError: the engine refuses the artifact or the size.
        """
        return load(self.bundle, engine=self.engine, artifact=self.artifact, threads=threads, size=self.size)


def combinations(
    bundles: Iterable[str],
    *,
    engine_name: str,
    sizes: Sequence[Size] | None,
    threads: Sequence[int] | None,
    batches: bool = False,
) -> tuple[list[Combination], list[dict[str, str]]]:
    """Every combination, and the engines that cannot be used with the reason.

    Args:
        bundles: names or paths.
        engine_name: a file name in edgeseg/engines, or "all".
        sizes: (width, height) of the input of networks that take any; None for a half, three quarters and the whole of
            their own.
        threads: an inference; None for 1, 2, 4 ... all cores.
        batches: with 1, 2, 4 ... frames in an inference, of bundles that take several; otherwise with one.

    Raises:
        BundleError: a bundle cannot be opened, or has no artifact for the engine.
        EngineError: the engine is unknown or absent.
        UsageError: sizes are given, but no bundle takes them; or there are fewer cores than threads.
    """
    cores = available_cores()
    for each in threads or ():
        if not 1 <= each <= cores:
            raise UsageError(f"threads is {each}, expected 1 to {cores}: so many cores may be used here")
    choices, skipped = [], []
    opened = {name: Bundle.open(name) for name in bundles}
    if sizes and not any(bundle.spec.dynamic for bundle in opened.values()):
        raise UsageError("sizes are for bundles that take any (edgeseg export --dynamic), and none of these does")
    for bundle_name, bundle in opened.items():
        chosen, absent = candidates(bundle, engine_name)
        skipped += [each for each in absent if each not in skipped]
        for candidate in chosen:
            if (refused := _refused(bundle, candidate)) is not None:
                name = f"{candidate.engine} with {bundle_name} {candidate.artifact.precision}"
                skipped.append({"engine": name, "reason": refused})
                continue
            for size in _sizes(bundle, sizes):
                for each in threads or _powers(cores):
                    workers = max(1, cores // each)
                    choices += [
                        Combination(bundle, bundle_name, *candidate, size, each, workers, batch)
                        for batch in (numbers(bundle.spec.batch) if batches else [1])
                    ]
    if not choices:
        raise EngineError("no engine can run these bundles: " + "; ".join(each["reason"] for each in skipped))
    return choices, skipped


def _refused(bundle: Bundle, candidate: Candidate) -> str | None:
    """Why an engine does not run an artifact, or gives other masks of the golden frames than it should.

    Asked at the artifact's own size, which spares a trial of each combination.
    """
    try:
        found = proof(bundle, candidate)
    except EngineError as error:
        return str(error)
    return None if found is None else shortfall(candidate.artifact, found)


def _sizes(bundle: Bundle, sizes: Sequence[Size] | None) -> list[Size]:
    """Sizes of the network's input; of its own proportions, in whole steps of its stride."""
    spec = bundle.spec
    if not spec.dynamic:
        return [(spec.width, spec.height)]
    if sizes:
        return list(dict.fromkeys(sizes))

    def scaled(length: int, scale: float) -> int:
        return length if scale == 1 else max(1, round(length * scale / spec.stride)) * spec.stride

    return [(scaled(spec.width, scale), scaled(spec.height, scale)) for scale in SCALES]


def _powers(cores: int) -> list[int]:
    """1, 2, 4 ... and all cores."""
    powers = [1]
    while 2 * powers[-1] <= cores:
        powers.append(2 * powers[-1])
    return powers if powers[-1] == cores else [*powers, cores]
