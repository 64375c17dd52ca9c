"""Networks of other people's libraries, with random weights, as their users make them: small, for 64x64 pixels.

Each factory imports its library when it is called, so that this module can be read where a library is absent.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

CLASSES, SIDE = 5, 64

ALL = "EDGESEG_MATRIX"
"""Set to "all" by `make matrix`."""

_OPERATORS: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]


class Case(NamedTuple):
    """A network, and what its owner knows of it.

    Attributes:
        library: that it needs.
        make: gives the network.
        like: the family whose conventions it follows; None where none does.
        output: the one that holds the scores where there are several.
        small: it is one of those that every test run takes.
        refused: what is said where it is for another task; None where it comes through.
    """

    library: str
    make: Callable[[], nn.Module]
    like: str | None = None
    output: str | None = None
    small: bool = False
    refused: str | None = None


def import_torchvision() -> Any:
    """torchvision, where its build is for CUDA and torch's is not, too.

    Such a pair lacks torchvision's own operators, of which no segmentation network needs one: they are declared.
    """
    for _ in range(20):
        try:
            import torchvision
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            _OPERATORS.define(f"{missing[1]}(Tensor first) -> Tensor")
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
        else:
            return torchvision
    raise ImportError("torchvision lacks its operators")


def import_transformers() -> Any:
    """transformers, which looks for torchvision when its networks are imported and does not survive such a pair.

    Raises:
        ImportError: it is not installed.
    """
    with contextlib.suppress(ImportError):
        import_torchvision()
    import transformers

    return transformers


class Scores(nn.Module):
    """A backbone of timm with a 1x1 convolution, and scores at the input's size, as tutorials do it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        import_torchvision()
        import timm

        self.body = timm.create_model(name, pretrained=False, features_only=True, out_indices=(-1,))
        self.head = nn.Conv2d(self.body.feature_info.channels()[-1], CLASSES, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(pictures)[-1])
        return nn.functional.interpolate(scores, pictures.shape[2:], mode="bilinear")


class Logits(nn.Module):
    """A network of transformers, whose answer is an object with more than tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Any:
        answer = self.network(pixel_values=pictures)
        return {name: value for name, value in answer.items() if isinstance(value, Tensor)}


def smp(architecture: str, encoder: str = "resnet18", **options: Any) -> Callable[[], nn.Module]:
    """A factory of segmentation_models.pytorch."""

    def make() -> nn.Module:
        import_torchvision()
        import segmentation_models_pytorch

        kind = getattr(segmentation_models_pytorch, architecture)
        made: nn.Module = kind(encoder, encoder_weights=None, classes=CLASSES, **options)
        return made

    return make


def torchvision(name: str) -> Callable[[], nn.Module]:
    """A factory of torchvision."""

    def make() -> nn.Module:
        import_torchvision()
        from torchvision.models import segmentation

        options = {} if name.startswith("lraspp") else {"aux_loss": True}
        made: nn.Module = getattr(segmentation, name)(
            weights=None, weights_backbone=None, num_classes=CLASSES, **options
        )
        return made

    return make


def timm(name: str) -> Callable[[], nn.Module]:
    """A factory of timm."""
    return lambda: Scores(name)


def transformers(name: str, **options: Any) -> Callable[[], nn.Module]:
    """A factory of transformers; `options` make the network small."""

    def make() -> nn.Module:
        library = import_transformers()
        config = getattr(library, f"{name}Config")(num_labels=CLASSES, **options)
        return Logits(getattr(library, f"{name}ForSemanticSegmentation")(config))

    return make


SMP, FACES, VISION = "segmentation_models.pytorch", "transformers", "torchvision"
VIT = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 96, "image_size": SIDE}
NECK = {"backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [16, 24, 32, 48], "fusion_hidden_size": 32}
SWIN = {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4], "window_size": 4}
FORMER = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 64, 96], "decoder_hidden_size": 32}
MOBILE = {"hidden_sizes": [32, 48, 64], "neck_hidden_sizes": [8, 16, 24, 32, 48, 64, 128], "image_size": SIDE}

CASES: dict[str, Case] = {
    "smp-unet": Case("segmentation_models_pytorch", smp("Unet"), SMP, small=True),
    "smp-unetplusplus": Case("segmentation_models_pytorch", smp("UnetPlusPlus"), SMP),
    "smp-manet": Case("segmentation_models_pytorch", smp("MAnet"), SMP),
    "smp-linknet": Case("segmentation_models_pytorch", smp("Linknet"), SMP),
    "smp-fpn": Case("segmentation_models_pytorch", smp("FPN", "mobilenet_v2"), SMP),
    "smp-fpn-sigmoid": Case("segmentation_models_pytorch", smp("FPN", activation="sigmoid"), SMP),
    "smp-pspnet": Case("segmentation_models_pytorch", smp("PSPNet"), SMP),
    "smp-deeplabv3": Case("segmentation_models_pytorch", smp("DeepLabV3"), SMP),
    "smp-deeplabv3plus": Case("segmentation_models_pytorch", smp("DeepLabV3Plus", activation="softmax2d"), SMP),
    "smp-upernet": Case("segmentation_models_pytorch", smp("UPerNet"), SMP),
    "smp-segformer": Case("segmentation_models_pytorch", smp("Segformer", "mit_b0"), SMP),
    "transformers-segformer": Case(FACES, transformers("Segformer", **FORMER), small=True),
    "transformers-mobilevit": Case(FACES, transformers("MobileViT", **MOBILE)),
    "transformers-mobilevitv2": Case(FACES, transformers("MobileViTV2", image_size=SIDE, width_multiplier=0.5)),
    "transformers-mobilenetv2": Case(FACES, transformers("MobileNetV2", depth_multiplier=0.5, image_size=SIDE)),
    "transformers-dpt": Case(FACES, transformers("DPT", **VIT, **NECK)),
    "transformers-beit": Case(FACES, transformers("Beit", **VIT, out_indices=[1, 2, 3, 4], pool_scales=[1, 2, 3, 6])),
    "torchvision-lraspp": Case(VISION, torchvision("lraspp_mobilenet_v3_large"), VISION, small=True),
    "torchvision-deeplabv3": Case(VISION, torchvision("deeplabv3_mobilenet_v3_large"), VISION),
    "torchvision-fcn": Case(VISION, torchvision("fcn_resnet50"), VISION),
    "timm-mobilenetv3": Case("timm", timm("mobilenetv3_small_050"), small=True),
    "timm-resnet": Case("timm", timm("resnet10t")),
    "timm-convnext": Case("timm", timm("convnext_atto")),
    "timm-repvgg": Case("timm", timm("repvgg_a0")),
    "timm-edgenext": Case("timm", timm("edgenext_xx_small")),
    "timm-ghostnet": Case("timm", timm("ghostnet_050")),
}


def network(name: str) -> nn.Module:
    """A case's network: its weights are random, its statistics those of pictures, so that scores are of all kinds."""
    torch.manual_seed(0)
    made = CASES[name].make()
    for parameter in made.parameters():
        if parameter.dim() > 1:  # libraries begin heads near 0
            nn.init.kaiming_normal_(parameter)
    norms = [layer for layer in made.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = None  # a mean over all that is seen
    made.train()
    with torch.no_grad():
        for _ in range(2):
            coarse = torch.rand(4, 3, 8, 8)
            made(nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic").clamp(0, 1) * 4 - 2)
    return made.eval()
