"""One way to run a bundle: an artifact in a runtime; and which artifact a runtime takes where nobody names one."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from edgeseg.artifact import SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.engines import runtime
from edgeseg.errors import EdgeSegWarning, EngineError
from edgeseg.processor import NO_VNNI, sums_int8_exactly

CPU_TARGET = "onnxruntime"
CPU_RUNTIMES = ("onnxruntime", "openvino")
"""They run on the CPU, and read artifacts of CPU_TARGET."""


class Candidate(NamedTuple):
    """One way to run a bundle.

    Attributes:
        engine: the runtime, a file name in edgeseg/engines.
        artifact: a model file of the bundle, which that runtime reads.
    """

    engine: str
    artifact: Artifact

    def __str__(self) -> str:
        return f"{self.engine} {self.artifact.precision}"


def saturates(candidate: Candidate) -> bool:
    """Whether INT8 sums overflow on this processor, so that masks are wrong in places (x86 without VNNI)."""
    engine, artifact = candidate
    return artifact.precision == "int8" and engine in CPU_RUNTIMES and not sums_int8_exactly()


def default_candidate(bundle: Bundle, engine: str, precision: str | None = None) -> Candidate:
    """The artifact that a runtime takes: the one of that precision, or the bundle's best that does not saturate.

    Raises:
        BundleError: the bundle has no such artifact.
        EngineError: the runtime is absent; or no precision is asked for, and all artifacts saturate.

    Warns:
        EdgeSegWarning: INT8 would saturate, and was asked for, or the bundle has none with 7-bit weights: then fp32 is
            taken in its place.
    """
    target = runtime(engine).TARGET
    best = Candidate(engine, bundle.artifact(target=target, precision=precision))
    if not saturates(best):
        return best
    if precision is not None:
        warnings.warn(f"{NO_VNNI}: expect wrong masks in places; fp32 is exact", EdgeSegWarning, stacklevel=3)
        return best
    others = {each.precision: each for each in bundle.artifacts if each.target == target and each.precision != "int8"}
    if not others:
        raise EngineError(f"{NO_VNNI}, and bundle {bundle.spec.name} has nothing else; ask for int8 if that will do")
    fp32 = others.get("fp32", next(iter(others.values())))
    seven_bits = others.get(SEVEN_BITS)
    if seven_bits is not None and seven_bits.keeps_accuracy_of(fp32):
        return Candidate(engine, seven_bits)
    warnings.warn(f"{NO_VNNI}: {fp32.precision} is taken in its place", EdgeSegWarning, stacklevel=3)
    return Candidate(engine, fp32)
