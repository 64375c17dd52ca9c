"""Proof on this machine: an engine is asked for a bundle's golden masks before it is taken unasked.

Accuracy was measured where the bundle was made. Another processor or another version of a runtime may compute
otherwise: OpenVINO's INT8 on aarch64 gave 7 % of a street frame's pixels another class than on x86-64.

Where a proof serves a choice it is kept in the cache folder, with all that it depends on:

    proof-9f86d081884c7d65.json
    {"key": {"artifact": "...", "golden": "...", "engine": "openvino", "runtime": "2026.4.1", ...},
     "shares": [99.41, 98.9, 99.2, 99.6], "ms": 7.9}
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgeseg import kernels
from edgeseg.agreement import Agreement, GoldenAgreement
from edgeseg.answers import keep_answer, recall_answer
from edgeseg.arrays import Image, Mask
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.engines import Engine
from edgeseg.errors import BundleError, EngineError, FrameError
from edgeseg.golden import GoldenPair
from edgeseg.processor import processor
from edgeseg.spec import Spec

MARGIN = 1.0
"""Points of agreement that a machine may lose against the one that the bundle was made on.

INT8 that is right differs in how it rounds. Of the shipped bundles, recorded with ONNX Runtime on x86-64, OpenVINO
gives 0.4 points more and 0.1 less there, and ONNX Runtime on aarch64 0.01 less. OpenVINO's INT8 on aarch64 (2026.4.1,
in emulation) gave 6.4 points less.
"""


@dataclass(frozen=True)
class Proof:
    """An engine's answers to the golden frames.

    Attributes:
        shares: percent of the pixels of each frame that have the golden mask's class.
        ms: median time from a frame to its mask.
    """

    shares: tuple[float, ...]
    ms: float

    @property
    def agreement(self) -> float:
        """Percent of all pixels: the frames are of one size."""
        return statistics.fmean(self.shares)

    @property
    def worst(self) -> float:
        """Of the frame that agrees least."""
        return min(self.shares)

    def fact(self, engine: str) -> GoldenAgreement:
        """As a bundle keeps it, of what that engine gave."""
        return GoldenAgreement(round(self.agreement, 4), round(self.worst, 4), len(self.shares), engine)

    def to_json(self) -> dict[str, Any]:
        """A JSON object, for results."""
        return {"mask_agreement": self.agreement, "worst_frame": self.worst, "shares": self.shares, "ms": self.ms}


def ask(segment: Callable[[Image], Mask], frames: Iterable[GoldenPair]) -> Proof | None:
    """Asks for the masks of golden frames; None where there are none.

    Args:
        segment: gives the mask of a frame, as a segmenter does.
        frames: of `Bundle.golden_frames`.

    Raises:
        BundleError: a golden file is missing or was altered.
        EngineError: the engine fails, or its logits are no numbers.
    """
    shares, seconds = [], []
    for frame, mask in frames:
        started = time.perf_counter()
        try:
            found = segment(frame)
        except FrameError as error:
            raise EngineError(f"it has no mask for a golden frame: {error}") from error
        seconds.append(time.perf_counter() - started)
        shares.append(100 * float(np.mean(found == mask)))
    return Proof(tuple(shares), 1e3 * statistics.median(seconds)) if shares else None


def least(artifact: Artifact) -> float:
    """Percent of the golden masks' pixels that an artifact must give here: what was recorded of it, less MARGIN.

    Of whom nothing was recorded, all are expected.
    """
    try:
        recorded = artifact.measured.get(GoldenAgreement) or artifact.measured.get(Agreement)
    except BundleError:  # a damaged fact proves nothing
        recorded = None
    if recorded is None or math.isnan(recorded.mask_agreement):
        return 100.0 - MARGIN
    return recorded.mask_agreement - MARGIN


def shortfall(artifact: Artifact, proof: Proof) -> str | None:
    """What is wrong with an artifact's answers, as the end of a sentence; None where they are as they should be."""
    expected = least(artifact)
    if proof.agreement >= expected:
        return None
    return (
        f"its masks of the golden frames have {proof.agreement:.2f} % of fp32's pixels on this machine, expected "
        f"{expected:.2f} %"
    )


def proof_of(bundle: Bundle, candidate: Candidate, threads: int) -> Proof | None:
    """The proof of an artifact in a runtime of the CPU, as remembered or made now; None without golden frames.

    Raises:
        BundleError: a file of the bundle is missing or was altered.
        EngineError: the runtime is absent, refuses the artifact, or fails.
    """
    if bundle.golden is None:
        return None
    key = _key(bundle.golden.digest, bundle.spec, candidate)
    known = recall_answer("proof", key, partial(_read, len(bundle.golden.frames)))
    if known is not None:
        return known
    engine = candidate.open(bundle, threads)
    try:
        proof = ask(partial(_segment, engine, bundle.spec), bundle.golden_frames())
    finally:
        engine.close()
    if proof is not None:
        keep_answer("proof", key, {"shares": proof.shares, "ms": proof.ms})
    return proof


def runtime_version(runtime: str) -> str:
    """Of the package; ONNX Runtime's own where it is a build under another name, as "onnxruntime-gpu"."""
    from importlib.metadata import PackageNotFoundError, version  # not at each start: it takes 20 ms

    try:
        return version(runtime)
    except PackageNotFoundError:
        if runtime != "onnxruntime":
            return "unknown"
        from edgeseg.ort import ort

        return str(ort.__version__)


def _segment(engine: Engine, spec: Spec, frame: Image) -> Mask:
    """The mask of a frame of the network's own size."""
    rect = spec.rect(spec.width, spec.height)
    return kernels.argmax(engine.infer(frame[np.newaxis]), spec.width, spec.height, rect=rect)


def _key(golden: str, spec: Spec, candidate: Candidate) -> dict[str, Any]:
    """All that a proof depends on."""
    return {
        "edgeseg": runtime_version("edgeseg"),
        "spec": spec.to_json(),
        "golden": golden,
        "artifact": candidate.artifact.sha256,
        "engine": candidate.engine,
        "runtime": runtime_version(candidate.engine),
        "processor": processor(),
    }


def _read(frames: int, fields: Any) -> Proof | None:
    """The proof that was kept, of so many frames."""
    shares = tuple(float(share) for share in fields["shares"])
    return Proof(shares, float(fields["ms"])) if len(shares) == frames else None
