"""`edgeseg check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeseg.arguments import check_percent
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate, saturates
from edgeseg.counted import counted
from edgeseg.errors import BundleError, EngineError
from edgeseg.json_fields import print_json
from edgeseg.processor import NO_VNNI, available_cores
from edgeseg.progress import progress_bar
from edgeseg.proof import Proof, least
from edgeseg.terminal import make_console

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Answer:
    """What one engine gave for the golden frames.

    Attributes:
        candidate: the runtime and the artifact.
        proof: the agreement.
        least: percent of the pixels that are expected.
    """

    candidate: Candidate
    proof: Proof
    least: float

    @property
    def good(self) -> bool:
        """Whether the agreement is as expected."""
        return self.proof.agreement >= self.least

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        engine, artifact = self.candidate
        names = {"file": artifact.file, "precision": artifact.precision, "sha256": artifact.sha256}
        return {"engine": engine, "artifact": names, **self.proof.to_json(), "least": self.least, "good": self.good}


def check_command(bundle: str, *, engine: str = "all", threshold: float | None = None, json: bool = False) -> int:
    """Ask each engine here for the masks that a bundle promises.

    A bundle carries golden frames: pictures, and the masks that fp32 gave for them where it was made. Exit code 1 if
    an engine's masks agree with them on fewer pixels than they should.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        engine: the runtime, or "all" for every artifact of the bundle in every runtime that is installed.
        threshold: percent of the pixels that must get fp32's class in every engine; by default what the same artifact
            reached where the bundle was made, less one.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg_bench.candidates import candidates

    if threshold is not None:
        check_percent(threshold, "--threshold")
    opened = Bundle.open(bundle)
    if opened.golden is None:
        raise BundleError(
            f"bundle {opened.spec.name} has no golden frames to ask an engine for; `edgeseg export`, `import` and "
            "`quantize` add some"
        )
    chosen, left_out = candidates(opened, engine)
    with progress_bar("check", total=len(chosen), quiet=json) as progress:
        answers = []
        for done, answer in enumerate(_answers(opened, chosen, threshold, left_out), start=1):
            answers += [answer] if answer else []
            progress(done)
    if not answers:
        reasons = "; ".join(f"{each['engine']}: {each['reason']}" for each in left_out)
        raise EngineError(f"no engine could be asked: {reasons}")
    if json:
        print_json(_result(opened, answers, left_out))
    else:
        _print(opened, answers, left_out)
    return int(not all(answer.good for answer in answers))


def _answers(
    bundle: Bundle, chosen: list[Candidate], threshold: float | None, left_out: list[dict[str, str]]
) -> Iterator[Answer | None]:
    """What each candidate gives; None for one that does not run, which is added to `left_out`."""
    from edgeseg_bench.candidates import proof

    for candidate in chosen:
        try:
            found = proof(bundle, candidate, available_cores())
        except EngineError as error:
            left_out.append({"engine": str(candidate), "reason": str(error)})
            found = None
        expected = least(candidate.artifact) if threshold is None else threshold
        yield None if found is None else Answer(candidate, found, expected)


def _result(bundle: Bundle, answers: list[Answer], left_out: list[dict[str, str]]) -> dict[str, Any]:
    assert bundle.golden is not None
    return {
        "bundle": bundle.spec.name,
        "golden": {"source": bundle.golden.source, "frames": len(bundle.golden.frames)},
        "good": all(answer.good for answer in answers),
        "answers": [answer.to_json() for answer in answers],
        "left_out": left_out,
    }


def _print(bundle: Bundle, answers: list[Answer], left_out: list[dict[str, str]]) -> None:
    console, errors = make_console(), make_console(stderr=True)
    console.print(_table(bundle, answers))
    for reason in dict.fromkeys(each["reason"] for each in left_out):
        names = ", ".join(each["engine"] for each in left_out if each["reason"] == reason)
        console.print(f"not asked: {names}: {reason}", soft_wrap=True)
    for answer in answers:
        if not answer.good:
            found = f"{answer.proof.agreement:.2f} % of fp32's pixels, expected {answer.least:.2f} %"
            found += f" ({NO_VNNI}; it is used only if asked for)" if saturates(answer.candidate) else ""
            errors.print(f"missed: {answer.candidate} gives {found}", style="red", soft_wrap=True)


def _table(bundle: Bundle, answers: list[Answer]) -> Table:
    """For 80 columns."""
    from rich.table import Table
    from rich.text import Text

    assert bundle.golden is not None
    frames = f"{counted(len(bundle.golden.frames), 'frame')} of {bundle.golden.source}"
    about = f"{bundle.spec.name}: pixels with fp32's class, {frames}"
    table = Table(title=Text(about), title_justify="left")
    table.add_column("engine")
    table.add_column("artifact")
    for name in ("same %", "worst %", "least %", "ms"):
        table.add_column(name, justify="right")
    for answer in answers:
        engine, artifact = answer.candidate
        table.add_row(
            engine,
            artifact.precision,
            f"{answer.proof.agreement:.2f}",
            f"{answer.proof.worst:.2f}",
            f"{answer.least:.2f}",
            f"{answer.proof.ms:.1f}",
            style=None if answer.good else "red",
        )
    return table
