"""The model card of a bundle: what it was trained on, its licence, what was measured, how to reproduce it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgeseg.agreement import TorchAgreement
from edgeseg.measured import Evaluation, Network
from edgeseg.spec import Spec
from edgeseg.train.reproduce import commands, teachers

if TYPE_CHECKING:
    from edgeseg.models.weights import Weights  # torch, which an imported network's card must not ask for

FP32 = "onnxruntime fp32"
"""The artifact that a card's figures are of."""


def model_card(
    weights: Weights,
    spec: Spec,
    network: Network,
    agreement: TorchAgreement,
    evaluation: Evaluation | None,
) -> str:
    """The card as Markdown; `agreement` and `evaluation` are those of the fp32 artifact."""
    training = weights.training
    origin = (
        f"{weights.net} (width {weights.width:g}, {network.parameters / 1e6:.2f}M parameters, "
        f"{network.macs / 1e9:.2f} GMAC),"
    )
    lines = [
        *card_head(spec, origin),
        "## Training",
        "",
        f"Trained on a split of SHA-256 `{training['data']}` for {training['settings']['epochs']} epochs "
        f"on {training.get('hardware') or training['device']}, seed {training['settings']['seed']}"
        f"{_hours(training)}.{_start(training)}{_teachers(training)} To reproduce:",
        "",
        *(f"    {line}" for line in commands(weights.net, training, name=spec.name, licence=spec.licence)),
        "",
        "## Figures",
        "",
        *_figures(agreement, evaluation),
        "",
        "Frames of other sizes are fitted to the input "
        + ("by stretching." if spec.resize == "stretch" else "at their own aspect ratio (letterbox)."),
        "The figures hold for that split; expect less with other cameras, places, light and weather.",
        "",
    ]
    return "\n".join(lines)


def card_head(spec: Spec, origin: str) -> list[str]:
    """Title, origin, classes and licence, which every card begins with.

    Args:
        spec: of the network.
        origin: the beginning of the sentence that goes on with what the network takes and gives.
    """
    title, meaning = ("Classes", "classes") if spec.head.exclusive else ("Labels", "labels that may overlap")
    return [
        f"# {spec.name}",
        "",
        f"{origin} {spec.width}x{spec.height} BGR frames to {len(spec.classes)} {meaning}, logits at 1/{spec.stride}.",
        "",
        f"{title}: {', '.join(spec.classes)}.",
        "",
        "## Licence",
        "",
        f"{spec.licence}.",
        "",
    ]


def _hours(training: dict[str, Any]) -> str:
    return f", {training['hours']:.1f} hours" if "hours" in training else ""


def _start(training: dict[str, Any]) -> str:
    """What an earlier run gave, and what began anew."""
    if "start" not in training:
        return ""
    start = training["start"]
    layers = sorted({name.partition(".")[0] for name in start["new"]})
    new = f"; new parts: {', '.join(layers)}" if layers else ""
    kind = "weights" if "file" in start else "checkpoint"
    if "bundle" in start:
        kind = f"bundle {start['bundle']}, artifact"
    origin = f"{start['epochs']} epochs of {start['run']['net']} ({kind} `{start['sha256']}`)"
    return f" It started from {origin}{new}." + _start(start["run"]).replace(" It started", " That run started")


def _teachers(training: dict[str, Any]) -> str:
    """Whose logits it learned from, beside the labels."""
    named = []
    for teacher in teachers(training):
        size = f", TEACHER, for frames of {teacher['size']}" if "size" in teacher else ""
        named.append(f"{teacher['bundle']}{size} (artifact `{teacher['sha256']}`)")
    return f" It also learned from the logits of {' and '.join(named)}." if named else ""


def _figures(agreement: TorchAgreement, evaluation: Evaluation | None) -> list[str]:
    lines = [
        f"- {FP32} against PyTorch on {agreement.frames} frames: logits differ by at most "
        f"{agreement.max_difference:.2g} (largest {agreement.max_logit:.3g}), masks agree on "
        f"{agreement.mask_agreement:.3f} % of the pixels."
    ]
    if evaluation is None:
        return [*lines, "- Accuracy was not measured: the bundle was exported without a data set."]
    classes = ", ".join(f"{name} {iou:.1f}" for name, iou in evaluation.iou.items() if not math.isnan(iou))
    return [
        *lines,
        f"- {FP32} on the {evaluation.split} split ({evaluation.images} images): mIoU {evaluation.miou:.2f} %, "
        f"pixel accuracy {evaluation.pixel_accuracy:.2f} %, class accuracy {evaluation.class_accuracy:.2f} %, "
        f"boundary F1 {evaluation.boundary_f1:.2f} %.",
        f"- IoU by class, %: {classes}.",
    ]
