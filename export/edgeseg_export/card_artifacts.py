"""The part of a model card that lists the bundle's artifacts; written anew whenever artifacts are added."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from edgeseg.agreement import Agreement
from edgeseg.artifact import Artifact
from edgeseg.atomic import write_text
from edgeseg.bundle import Bundle
from edgeseg.counted import counted
from edgeseg.errors import BundleError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.measured import Calibration, Evaluation, HalfRange, HeldOut, Latency, Measured
from edgeseg.signature import end_signature, read_signature, warn_of_end

TITLE = "## Artifacts"

_SECTION = re.compile(rf"\n*^{TITLE}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def with_artifacts(card: str, artifacts: Sequence[Artifact]) -> str:
    """The card, Markdown, with this list in place of the one that it has, or at its end."""
    return f"{_SECTION.sub('', card).rstrip()}\n\n{_section(artifacts)}\n"


def refresh_card(bundle: Bundle) -> None:
    """Writes the list in a bundle's card anew, from what was measured; a card without one stays as it is.

    Raises:
        BundleError: the card cannot be read, or a fact has the wrong type.
        OutputError: the card cannot be written.

    Warns:
        EdgeSegWarning: the bundle was signed; that has ended.
    """
    if bundle.card is None:
        return
    path = bundle.folder / bundle.card
    try:
        card = read_file(path, LARGEST_TEXT).decode("utf-8", "replace")
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    fresh = with_artifacts(card, bundle.artifacts)
    if _SECTION.search(card) and fresh != card:
        signature = read_signature(bundle.folder)
        end_signature(bundle.folder, signature)
        write_text(path, fresh)
        warn_of_end(bundle.folder, signature)


def _section(artifacts: Sequence[Artifact]) -> str:
    """The table, with a column for a test split only where one was measured."""
    tested = any(each.measured.get(HeldOut) for each in artifacts)
    head = ["file", "for", "precision", "MB", "mIoU %", *(["test mIoU %"] * tested), "pixels as fp32's %", "ms"]
    rows = [head]
    for each in artifacts:
        measured = each.measured
        evaluation, test = measured.get(Evaluation), measured.get(HeldOut)
        agreement, latency = measured.get(Agreement), measured.get(Latency)
        rows.append(
            [
                each.file,
                each.target,
                each.precision,
                f"{each.bytes / 1e6:.2f}",
                _number(None if evaluation is None else evaluation.miou, 2),
                *([_number(None if test is None else test.miou, 2)] * tested),
                _number(None if agreement is None else agreement.mask_agreement, 2),
                _number(None if latency is None else latency.median_ms, 1),
            ]
        )
    first, *others = (f"| {' | '.join(row)} |" for row in rows)
    table = [first, "|" + "---|" * len(head), *others]
    return "\n".join([TITLE, "", *table, "", *_notes(artifacts)]).rstrip()


def _notes(artifacts: Sequence[Artifact]) -> list[str]:
    """What the figures were measured on; a note that holds for several artifacts stands once."""
    notes = [note for artifact in artifacts for note in _notes_of(artifact.measured)]
    return [f"- {note}" for note in dict.fromkeys(notes)]


def _notes_of(measured: Measured) -> Iterator[str]:
    if evaluation := measured.get(Evaluation):
        yield f"mIoU: {evaluation.split or 'whole'} split{_images(evaluation.images)}."
    if test := measured.get(HeldOut):
        source = "" if test.source is None else f"; {test.source}"
        yield f"Test mIoU: {test.split or 'test'} split{_images(test.images)}, on which nothing was chosen{source}."
        if test.sequences:
            sequences = ", ".join(f"{name} {miou:.1f}" for name, miou in test.sequences.items())
            yield f"Test mIoU by sequence: {sequences}."
    if (agreement := measured.get(Agreement)) and agreement.frames is not None:
        yield f"Pixels as fp32's: {agreement.frames} frames that did not calibrate."
    if latency := measured.get(Latency):
        yield f"ms: median of one inference in ONNX Runtime on {latency.threads} threads."
    if (calibration := measured.get(Calibration)) and calibration.method:
        layers = f", {', '.join(calibration.keep)} in float" if calibration.keep else ""
        yield f"INT8: ranges by {calibration.method} over {calibration.frames} frames of {calibration.data}{layers}."
    if half := measured.get(HalfRange):
        yield f"FP16: the largest activation takes {100 * half.largest_of_range:.2g} % of float16's range."


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _images(number: int | None) -> str:
    """How many, behind a comma; nothing where it was not written down."""
    return "" if number is None else f", {counted(number, 'image')}"
