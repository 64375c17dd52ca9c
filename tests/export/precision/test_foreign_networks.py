"""Networks of other people that quantise must take: statistics of a frame, masks beyond float16, channels last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgeseg.agreement import Agreement
from edgeseg.errors import ExportError
from edgeseg_export.precision.quantize import quantize
from tests.export.foreign.their_onnx import constant, imported, network
from tests.export.precision.their_networks import NETWORKS, transformer


@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_quantised_and_agree_with_themselves(name: str, frames: Path, tmp_path: Path) -> None:
    uniform = {"input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
    bundle = quantize(imported(NETWORKS[name](), tmp_path, **uniform), frames, split="train").bundle
    assert {str(each) for each in bundle.artifacts} >= {"onnxruntime int8", "tensorrt fp16", "tensorrt int8"}
    for artifact in bundle.artifacts:
        agreement = artifact.measured.get(Agreement)
        assert agreement is None or agreement.mask_agreement > 95


@pytest.mark.parametrize(("make", "said"), [(transformer, True), (network, False)])
def test_where_hardly_anything_is_quantised_that_is_said(
    make: Callable[[], onnx.ModelProto], said: bool, frames: Path, tmp_path: Path
) -> None:
    found = quantize(imported(make(), tmp_path), frames, split="train")
    assert any("INT8 holds 0.0 % of the weights in 8 bits" in each for each in found.warnings) is said
    assert any("of the weights" in each for each in found.warnings) is said


def test_a_network_without_convolutions_is_refused(frames: Path, tmp_path: Path) -> None:
    model = network()
    matrix = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    del model.graph.node[:]
    model.graph.node.extend(
        [
            constant("matrix", matrix),
            helper.make_node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("MatMul", ["last", "matrix"], ["mixed"]),
            helper.make_node("Transpose", ["mixed"], ["out"], perm=[0, 3, 1, 2]),
        ]
    )
    with pytest.raises(ExportError, match="no convolution whose weights are constants"):
        quantize(imported(model, tmp_path, stride=1), frames, split="train")
