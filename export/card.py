"""The model card of a bundle: what it was trained on, its licence, what was measured, how to reproduce it."""

from __future__ import annotations

import shlex
from typing import Any

from edgeseg.artifact import Artifact
from edgeseg.models.weights import Weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings


def model_card(loaded: Weights, spec: Spec, artifact: Artifact) -> str:
    """The card as Markdown."""
    training = loaded.training
    network = artifact.measured["network"]
    lines = [
        f"# {spec.name}",
        "",
        f"{loaded.net} (width {loaded.width:g}, {network['parameters'] / 1e6:.2f}M parameters, "
        f"{network['macs'] / 1e9:.2f} GMAC), {spec.width}x{spec.height} BGR frames to {len(spec.classes)} classes, "
        f"logits at 1/{spec.stride}.",
        "",
        f"Classes: {', '.join(spec.classes)}.",
        "",
        "## Licence",
        "",
        f"{spec.licence}.",
        "",
        "## Training",
        "",
        f"Trained on a split of SHA-256 `{training['data']}` for {training['settings']['epochs']} epochs "
        f"on {training['device']}, seed {training['settings']['seed']}. To reproduce:",
        "",
        f"    {_command(loaded, spec)}",
        "",
        "## Figures",
        "",
        *_figures(artifact),
        "",
        "Frames of other sizes are fitted to the input "
        + ("by stretching." if spec.resize == "stretch" else "at their own aspect ratio (letterbox)."),
        "The figures hold for that split; expect less with other cameras, places, light and weather.",
        "",
    ]
    return "\n".join(lines)


def _command(loaded: Weights, spec: Spec) -> str:
    """The training command with every setting that is not the default."""
    usual, flags = TrainSettings().to_json(), []
    for key, value in loaded.training["settings"].items():
        if value == usual[key]:
            continue
        flag = key.replace("_", "-")
        flags.append(f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag} {value}")
    licence = shlex.quote(spec.licence)
    command = f"edgeseg train {loaded.net} --data DATA --out OUT --name {spec.name} --licence {licence}"
    return " ".join([command, *flags])


def _figures(artifact: Artifact) -> list[str]:
    compared: dict[str, Any] = artifact.measured["torch"]
    lines = [
        f"- {artifact} against PyTorch on {compared['frames']} frames: logits differ by at most "
        f"{compared['max_difference']:.2g} (largest {compared['max_logit']:.3g}), masks agree on "
        f"{compared['mask_agreement']:.3f} % of the pixels."
    ]
    if "evaluation" not in artifact.measured:
        return [*lines, "- Accuracy was not measured: the bundle was exported without a data set."]
    evaluation = artifact.measured["evaluation"]
    classes = ", ".join(f"{name} {iou:.1f}" for name, iou in evaluation["iou"].items() if iou is not None)
    return [
        *lines,
        f"- {artifact} on the {evaluation['split']} split ({evaluation['images']} images): mIoU "
        f"{evaluation['miou']:.2f} %, pixel accuracy {evaluation['pixel_accuracy']:.2f} %, class accuracy "
        f"{evaluation['class_accuracy']:.2f} %.",
        f"- IoU by class, %: {classes}.",
    ]
