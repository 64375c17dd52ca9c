"""Networks that other people wrote: `transformers`' own, with random weights. Skipped where it is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg_export.foreign.from_torch import export_module
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.matrix.networks import import_transformers

transformers = pytest.importorskip("transformers")
SIDE, CLASSES = 64, 7

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


def segformer() -> Any:
    config = transformers.SegformerConfig(
        num_labels=CLASSES, depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 64, 96], decoder_hidden_size=32
    )
    return transformers.SegformerForSemanticSegmentation(config)


def mobilevit() -> Any:
    config = transformers.MobileViTConfig(
        num_labels=CLASSES, hidden_sizes=[32, 48, 64], neck_hidden_sizes=[8, 16, 24, 32, 48, 64, 128], image_size=SIDE
    )
    return transformers.MobileViTForSemanticSegmentation(config)


def dpt() -> Any:
    config = transformers.DPTConfig(
        num_labels=CLASSES,
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=3,
        intermediate_size=96,
        image_size=SIDE,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[16, 24, 32, 48],
        fusion_hidden_size=32,
    )
    return transformers.DPTForSemanticSegmentation(config)


@pytest.fixture(scope="module", params=[(segformer, 4), (mobilevit, 32), (dpt, 1)], ids=lambda made: made[0].__name__)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    factory, stride = request.param
    import_transformers()
    folder = tmp_path_factory.mktemp("theirs")
    torch.manual_seed(0)
    network = factory()
    for parameter in network.parameters():
        if parameter.dim() > 1:  # their own initial weights make logits of 0
            nn.init.kaiming_normal_(parameter)
    torch.save(network.state_dict(), folder / "w.pt")
    data: dict[str, Any] = {
        "format": 1,
        "name": "theirs",
        "input": {
            "width": SIDE,
            "height": SIDE,
            "resize": "stretch",
            "pad": 127,
            "dynamic": False,
            "colour": "RGB",
            "range": 1,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "stride": stride,
        "classes": [None] * CLASSES,
        "palette": None,
        "ignore": None,
        "licence": "random weights",
    }
    name = f"{__name__}:{factory.__name__}"
    return export_module(name, folder / "w.pt", model_spec(data), folder / "out", note=print)


def test_their_networks_become_bundles(bundle: Bundle) -> None:
    assert bundle.artifacts[0].measured.facts["original"]["mask_agreement"] >= 99.9
    frame = sample_frames(None)[0]
    assert np.ptp(edgeseg.load(bundle).logits(frame)) > 0


def test_nvidia_builds_them(bundle: Bundle) -> None:
    """TensorRT-RTX's own parser and builder, which need no GPU."""
    trt = pytest.importorskip("tensorrt_rtx")
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    model = onnx.load(bundle.path(bundle.artifacts[0]))
    assert parser.parse(model.SerializeToString()), parser.get_error(0).desc()
    assert builder.build_serialized_network(network, builder.create_builder_config()) is not None
