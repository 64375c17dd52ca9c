"""The model card of a network of somebody else: where it comes from, and what was measured."""

from __future__ import annotations

from edgeseg.agreement import OriginalAgreement
from edgeseg.artifact import Artifact
from edgeseg.measured import Evaluation
from edgeseg.spec import Spec
from edgeseg_export.card import card_head


def imported_card(spec: Spec, artifacts: tuple[Artifact, ...]) -> str:
    """README.md, from the facts of the artifacts that the import wrote."""
    agreements = [(each, each.measured.get(OriginalAgreement)) for each in artifacts]
    origin = next(each for _, each in agreements if each is not None)
    undone = f", without its own {', '.join(origin.undone)}" if origin.undone else ""
    lines = [
        *card_head(spec, f"Imported from `{origin.file}` (SHA-256 `{origin.sha256}`){undone}:"),
        "## Figures",
        "",
    ]
    for artifact, agreement in agreements:
        if agreement is not None:
            lines.append(
                f"- {artifact} against the original on {agreement.frames} frames: logits differ by at most "
                f"{agreement.max_difference:.2g} (largest {agreement.max_logit:.3g}), masks agree on "
                f"{agreement.mask_agreement:.3f} % of the pixels."
            )
    evaluations = [(each, each.measured.get(Evaluation)) for each in artifacts]
    for artifact, evaluation in evaluations:
        if evaluation is not None:
            lines.append(
                f"- {artifact} on the {evaluation.split} split ({evaluation.images} images): "
                f"mIoU {evaluation.miou:.2f} %."
            )
    if not any(evaluation for _, evaluation in evaluations):
        lines.append("- Accuracy was not measured: the network was imported without a data set.")
    return "\n".join([*lines, ""])
