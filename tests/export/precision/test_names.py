"""Names that are those which edgeseg makes of another tensor's are no obstacle."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from edgeseg_export.precision.quantize import quantize
from tests.export.foreign.their_onnx import Nodes, imported, network
from tests.export.precision.their_networks import classified


def named(ending: str) -> onnx.ModelProto:
    """Whose second layer's tensors and weights are called as its first one's, but for that ending."""

    def tail(s: str) -> Nodes:
        return [
            helper.make_node("Relu", [s], [f"r0.{ending}"]),
            helper.make_node("Add", [s, f"r0.{ending}"], ["sum"]),
            *classified("sum"),
        ]

    model = network(tail)
    model.graph.initializer[2].name = model.graph.node[2].input[1] = f"w0.{ending}"
    return model


@pytest.mark.parametrize("ending", ["half", "scale", "dequantised", "exact", "bias"])
def test_they_are_quantised(ending: str, frames: Path, tmp_path: Path) -> None:
    uniform = {"input_colour": "BGR", "input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
    bundle = imported(named(ending), tmp_path, **uniform)
    result = quantize(bundle, frames, split="train", method="minmax", seven_bits=False)
    assert len(result.bundle.artifacts) == 4
    assert not result.misses
