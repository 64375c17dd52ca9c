"""One way to run a bundle: an artifact in a runtime; and which may be taken where nobody names one."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import NamedTuple

from edgeseg.artifact import SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.engines import Engine, open_engine, runtime
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

    def open(self, bundle: Bundle, threads: int) -> Engine:
        """The artifact of this bundle in its runtime: what is loaded is what was hashed.

        Raises:
            BundleError: the file is missing or was altered.
            EngineError: the runtime is absent, or refuses the artifact.
        """
        content = bundle.read(self.artifact)
        return open_engine(self.engine, bundle.path(self.artifact), bundle.spec, threads, content)

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
    target = runtime(engine, auto=True).TARGET  # both callers take auto, before they ask here
    best = Candidate(engine, bundle.artifact(target=target, precision=precision))
    if not saturates(best):
        return best
    if precision is not None:
        _warn_of_saturation()
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


def unasked_candidates(bundle: Bundle, precision: str | None = None) -> tuple[list[Candidate], list[str]]:
    """The ways to run a bundle on the CPU that may be taken unasked, what is safest first.

    Args:
        bundle: with artifacts for ONNX Runtime; OpenVINO reads the same.
        precision: of the artifact; by default every one that keeps the accuracy of fp32.

    Returns:
        The candidates, and a sentence for each artifact that is none.

    Raises:
        BundleError: the bundle has no such artifact.
        EngineError: the sums of all of them saturate on this processor.

    Warns:
        EdgeSegWarning: INT8 would saturate, and was asked for.
    """
    first = bundle.artifact(target=CPU_TARGET, precision=precision)
    if precision is not None and saturates(Candidate(CPU_TARGET, first)):
        _warn_of_saturation()
    artifacts, left_out = ([first], []) if precision is not None else _acceptable(bundle)
    installed = [name for name in CPU_RUNTIMES if find_spec(name) is not None]
    return [Candidate(engine, artifact) for engine in installed for artifact in artifacts], left_out


def _warn_of_saturation() -> None:
    warnings.warn(f"{NO_VNNI}: expect wrong masks in places; fp32 is exact", EdgeSegWarning, stacklevel=4)


def _acceptable(bundle: Bundle) -> tuple[list[Artifact], list[str]]:
    """The artifacts that may be taken unasked, fp32 first; and why others may not."""
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
