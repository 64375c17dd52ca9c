"""How families of networks want their frames prepared, as their own code does it; each states where that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edgeseg.errors import SpecError
from edgeseg.json_fields import read_json

FamilyName = Literal["segmentation_models.pytorch", "transformers", "torchvision", "ultralytics", "paddleseg", "mmseg"]

PREPROCESSOR = "preprocessor_config.json"
"""What transformers writes beside a model: how its image processor prepares pictures."""

IMAGENET: dict[str, Any] = {"colour": "RGB", "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
GREY: dict[str, Any] = {"colour": "GREY", "range": 1, "mean": [0.449], "std": [0.226]}
"""ImageNet's, averaged over its channels, as timm does for networks of one."""


@dataclass(frozen=True)
class Family:
    """A convention.

    Attributes:
        input: fields of a spec's "input" that it settles.
        source: where it was read.
        exceptions: who of the family does otherwise; empty if nobody.
        output: the output that holds the scores where there are several.
    """

    input: Mapping[str, Any]
    source: str
    exceptions: str = ""
    output: str | None = None


FAMILIES: dict[FamilyName, Family] = {
    "segmentation_models.pytorch": Family(
        IMAGENET,
        "segmentation_models_pytorch.encoders.get_preprocessing_params",
        "Inception's, Xception's, DPN's and some of timm's encoders have a mean and std of their own: compare with "
        "get_preprocessing_params(encoder, pretrained)",
    ),
    "torchvision": Family(
        IMAGENET,
        "torchvision.transforms._presets.SemanticSegmentation",
        output="out",
    ),
    "ultralytics": Family(
        {"colour": "RGB", "range": 1, "mean": [0.0] * 3, "std": [1.0] * 3, "resize": "letterbox", "pad": 114},
        "ultralytics.engine.predictor.BasePredictor.preprocess and ultralytics.data.augment.LetterBox",
        "its own letterbox has the frame in the middle, edgeseg's at the top left",
    ),
    "paddleseg": Family(
        {"colour": "RGB", "range": 1, "mean": [0.5] * 3, "std": [0.5] * 3},
        "paddleseg/transforms/transforms.py, Compose(to_rgb=True) and Normalize",
        "a training's own Normalize stands in its deploy.yaml: compare",
    ),
    "mmseg": Family(
        {"colour": "RGB", "range": 255, "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
        "mmsegmentation/configs/_base_/models, data_preprocessor (bgr_to_rgb=True)",
        "a training's own data_preprocessor stands in its config: compare",
    ),
}
"""All but transformers, whose networks have no common convention: a file beside the model says it."""


def family(name: FamilyName, model: Path) -> Family:
    """The convention of a family, for the network in that file.

    Raises:
        SpecError: it is not settled by the family, or what settles it cannot be read.
    """
    if name == "transformers":
        return _transformers(model)
    return FAMILIES[name]


def _transformers(model: Path) -> Family:
    """What preprocessor_config.json says; fields as of transformers.its image processors."""
    path = model.parent / PREPROCESSOR
    if not path.is_file():
        raise SpecError(
            f"--like transformers reads {PREPROCESSOR}, which is not in {model.parent.resolve()}: SegFormer, DPT and "
            "MobileViT each prepare frames in another way; put your checkpoint's file there, or leave --like out"
        )
    data = read_json(path, error=SpecError, unreadable="check its permissions", damaged="fetch it again")
    if not isinstance(data, dict):
        raise SpecError(f"{path} holds no object; fetch it again")
    normalise = data.get("do_normalize")  # left out where a processor knows no normalisation, MobileViT's
    mean = _three(data, "image_mean", path) if normalise else [0.0] * 3
    std = _three(data, "image_std", path) if normalise else [1.0] * 3
    colour = "BGR" if data.get("do_flip_channel_order", False) else "RGB"
    factor = data.get("rescale_factor", 1 / 255) if data.get("do_rescale", True) else 1
    if factor not in (1, 1 / 255):
        raise SpecError(f"{path} has the rescale_factor {factor!r:.40}, expected 1/255; fill the fields in yourself")
    return Family({"colour": colour, "range": 255 if factor == 1 else 1, "mean": mean, "std": std}, str(path))


def _three(data: dict[str, Any], key: str, path: Path) -> list[float]:
    numbers = data.get(key)
    if not isinstance(numbers, list) or len(numbers) != 3 or any(type(each) not in (int, float) for each in numbers):
        raise SpecError(f"{path} has the {key} {numbers!r:.80}, expected three numbers; fill the fields in yourself")
    return [float(each) for each in numbers]


NAMES: tuple[FamilyName, ...] = get_args(FamilyName)
