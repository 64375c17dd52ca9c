"""The part of a model card that lists the bundle's artifacts; written anew whenever artifacts are added."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgeseg.artifact import Artifact

TITLE = "## Artifacts"

_PART = re.compile(rf"\n*^{TITLE}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def with_artifacts(card: str, artifacts: Sequence[Artifact]) -> str:
    """The card, Markdown, with this list in place of the one that it has, or at its end."""
    return f"{_PART.sub('', card).rstrip()}\n\n{_part(artifacts)}\n"


def _part(artifacts: Sequence[Artifact]) -> str:
    rows = [
        "| file | for | precision | MB | mIoU % | pixels as fp32's % | ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in artifacts:
        miou = each.measured.get("evaluation", {}).get("miou")
        same = each.measured.get("agreement", {}).get("mask_agreement")
        speed = each.measured.get("latency", {}).get("median_ms")
        figures = (_number(miou, 2), _number(same, 2), _number(speed, 1))
        cells = each.file, each.target, each.precision, f"{each.bytes / 1e6:.2f}", *figures
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([TITLE, "", *rows, "", *_notes(artifacts)]).rstrip()


def _notes(artifacts: Sequence[Artifact]) -> list[str]:
    """What the figures were measured on, once for all artifacts that say the same."""
    notes = []
    for each in artifacts:
        measured = each.measured
        if "evaluation" in measured:
            evaluation = measured["evaluation"]
            notes.append(f"mIoU: {evaluation['split'] or 'whole'} split, {evaluation['images']} images.")
        if "agreement" in measured and "frames" in measured["agreement"]:
            notes.append(f"Pixels as fp32's: {measured['agreement']['frames']} frames that did not calibrate.")
        if "latency" in measured:
            notes.append(f"ms: median of one inference in ONNX Runtime on {measured['latency']['threads']} threads.")
        if "calibration" in measured:
            calibration = measured["calibration"]
            kept = f", {', '.join(calibration['keep'])} in float" if calibration["keep"] else ""
            frames = f"{calibration['frames']} frames of {calibration['data']}"
            notes.append(f"INT8: ranges by {calibration['method']} over {frames}{kept}.")
        if "float16" in measured:
            part = measured["float16"]["largest_of_range"]
            notes.append(f"FP16: the largest activation takes {100 * part:.2g} % of float16's range.")
    return [f"- {note}" for note in dict.fromkeys(notes)]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
