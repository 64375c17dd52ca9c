"""Proof of a conversion, on a network small enough that its graph can be written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgeseg.agreement import KernelAgreement
from edgeseg.errors import ExportError
from edgeseg.models.normalise import FrameToLogits
from edgeseg.spec import Spec
from edgeseg_export import agreement
from edgeseg_export.agreement import compare, compare_masks, first_difference, torch_logits
from edgeseg_export.closeness import TOLERANCE

HEAD = ("network.head.weight", "network.head.bias")
SPEC = Spec("small", 12, 8, "stretch", 1, ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")


class Small(nn.Module):
    """Two convolutions; every pixel has its own logits."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 3, 1)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.first(frames)))
        return logits


@pytest.fixture
def network() -> Small:
    torch.manual_seed(3)
    made = Small()
    with torch.no_grad():
        made.head.weight.mul_(7)  # logits of several units
    return made


@pytest.fixture(scope="module")
def frames() -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(2)
    return [random.integers(0, 256, (*size, 3), np.uint8) for size in ((8, 12), (16, 24), (5, 9))]


def write_graph(
    network: Small, path: Path, *after: onnx.NodeProto, size: tuple[int, int] = (8, 12), **constants: Any
) -> Path:
    """The network's graph, by hand, with other nodes after its logits."""
    tensors = {
        **{f"network.{name}": values.detach().numpy() for name, values in network.state_dict().items()},
        **{"mean": np.array(127, np.float32), "deviation": np.array(128, np.float32)},
        **{name: np.array(value) for name, value in constants.items()},
    }
    nodes = [
        helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planar"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["planar", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["normal"]),
        helper.make_node("Conv", ["normal", "network.first.weight", "network.first.bias"], ["f"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["f"], ["active"]),
        helper.make_node("Conv", ["active", *HEAD], ["raw" if after else "logits"]),
        *after,
    ]
    output = nodes[-1].output[0]
    kind = TensorProto.UINT8 if output == "mask" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, *size, 3])],
        [helper.make_tensor_value_info(output, kind, [1, *size] if output == "mask" else [1, 3, None, None])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def add(tensor: str) -> onnx.NodeProto:
    """Adds a constant to the logits."""
    return helper.make_node("Add", ["raw", tensor], ["logits"])


def test_figures_of_a_graph_that_agrees(network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    fact = compare(network, write_graph(network, tmp_path / "a.onnx"), SPEC, frames)
    same_size = [torch_logits(network, frame[np.newaxis]) for frame in frames[:1]]
    assert fact.mask_agreement == 100
    assert fact.frames == 3
    assert fact.chosen is None
    assert fact.max_difference < 1e-5 < np.abs(same_size[0]).max() <= fact.max_logit + 5e-4
    assert fact.max_logit == round(fact.max_logit, 3)


def test_figures_are_the_largest_of_all_frames(network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    one = [compare(network, write_graph(network, tmp_path / "a.onnx"), SPEC, [frame]) for frame in frames]
    both = compare(network, tmp_path / "a.onnx", SPEC, frames)
    assert both.max_logit == max(each.max_logit for each in one)
    assert both.max_difference == max(each.max_difference for each in one)


def logits_of(network: Small, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return torch_logits(network, frame[np.newaxis])


def test_torchs_logits_are_the_networks(network: Small, frames: list[NDArray[np.uint8]]) -> None:
    with torch.no_grad():
        planar = torch.from_numpy(frames[0]).permute(2, 0, 1)[None]
        expected = network((planar - 127.0) / 128.0).numpy()
    found = torch_logits(network.train(), frames[0][np.newaxis])
    assert np.allclose(found, expected, atol=1e-6)
    assert not network.training


@pytest.mark.parametrize("layer", ["first", "head"])
def test_the_first_wrong_layer_is_named(
    layer: str, network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    file = write_graph(network, tmp_path / "a.onnx")
    graph, tensor = FrameToLogits(network).eval(), frames[0][np.newaxis]
    assert first_difference(graph, file, tensor).startswith("none of those with weights")
    with torch.no_grad():
        getattr(network, layer).weight.mul_(1.5)
    assert first_difference(graph, file, tensor) == layer
    with pytest.raises(ExportError, match=f"first layer that differs is {layer}$"):
        compare(network, file, SPEC, frames)


def test_hooks_are_taken_off_again(network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    first_difference(FrameToLogits(network), write_graph(network, tmp_path / "a.onnx"), frames[0][np.newaxis])
    assert not any(module._forward_hooks for module in network.modules())


def test_what_differs_after_all_layers_is_said(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    file = write_graph(network, tmp_path / "a.onnx", add("offset"), offset=np.float32(50))
    with pytest.raises(ExportError, match="what differs comes after the last one"):
        compare(network, file, SPEC, frames)


@pytest.mark.parametrize(("part", "agrees"), [(0.5, True), (1.5, False)])
def test_logits_may_differ_by_the_tolerance(
    part: float, agrees: bool, network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """The same offset for all classes: it changes no mask."""
    frame = frames[0]
    offset = np.float32(part * TOLERANCE * np.abs(logits_of(network, frame)).max())
    file = write_graph(network, tmp_path / "a.onnx", add("offset"), offset=offset)
    if agrees:
        fact = compare(network, file, SPEC, [frame])
        assert fact.max_difference == pytest.approx(float(offset), rel=0.05)
        assert fact.chosen is None
    else:
        with pytest.raises(ExportError, match=r"masks agree on 100\.00 % of the pixels"):
            compare(network, file, SPEC, [frame])


@pytest.mark.parametrize(("logits", "agrees"), [(0, True), (1, True), (5, True), (6, False)])
def test_choices_may_turn_over_a_fiftieth_of_the_logits(
    logits: int, agrees: bool, network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """Of 288; the graph holds an operator that chooses."""
    frame = frames[0]
    offsets = np.zeros((1, 3, 8, 12), np.float32)
    offsets.ravel()[:logits] = 0.01 * np.abs(logits_of(network, frame)).max()
    unused = helper.make_node("ArgMax", ["raw"], ["choice"], axis=1)
    file = write_graph(network, tmp_path / "a.onnx", unused, add("offsets"), offsets=offsets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "LEAST_AGREEMENT", 0)  # the logits alone decide
        if agrees:
            chosen = compare(network, file, SPEC, [frame]).chosen
            assert chosen == (pytest.approx(logits / 288, abs=1e-8) if logits else None)
        else:
            with pytest.raises(ExportError, match="disagrees with PyTorch"):
                compare(network, file, SPEC, [frame])


def test_without_choices_no_logit_may_leave_the_tolerance(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    offsets = np.zeros((1, 3, 8, 12), np.float32)
    offsets.ravel()[0] = 0.01 * np.abs(logits_of(network, frames[0])).max()
    file = write_graph(network, tmp_path / "a.onnx", add("offsets"), offsets=offsets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "LEAST_AGREEMENT", 0)
        with pytest.raises(ExportError, match="disagrees with PyTorch"):
            compare(network, file, SPEC, frames[:1])


def test_logits_that_are_no_numbers_agree_with_nothing(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    file = write_graph(network, tmp_path / "a.onnx")
    with torch.no_grad():
        network.first.weight[0, 0, 0, 0] = torch.nan
    assert first_difference(FrameToLogits(network), file, frames[0][np.newaxis]) == "first"


def test_masks_that_agree_too_little_are_refused(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """Five pixels of 96 get another class; the operator that chooses excuses their logits, and not their masks."""
    frame = frames[0]
    logits = logits_of(network, frame)
    offsets = np.zeros_like(logits)
    for pixel in range(5):
        offsets[0, np.argmin(logits[0, :, 0, pixel]), 0, pixel] = 1000
    unused = helper.make_node("ArgMax", ["raw"], ["choice"], axis=1)
    file = write_graph(network, tmp_path / "a.onnx", unused, add("offsets"), offsets=offsets)
    with pytest.raises(ExportError, match=r"logits differ by up to 1e\+03 .* masks agree on 94\.79 % of the pixels"):
        compare(network, file, SPEC, [frame])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "LEAST_AGREEMENT", 100 * 91 / 96)
        fact = compare(network, file, SPEC, [frame])
    assert fact.mask_agreement == 94.7917
    assert fact.chosen == round(5 / 288, 8)
    assert fact.max_difference == 1000


@pytest.mark.parametrize("change", [{"strides": [2, 2]}, {"pads": [3, 3, 3, 3]}])
def test_a_layer_of_another_shape_is_wrong(
    change: dict[str, list[int]], network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    model = onnx.load(write_graph(network, tmp_path / "a.onnx"))
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    wanted = {"pads": [1, 1, 1, 1], **change}
    del convolution.attribute[:]
    convolution.attribute.extend(helper.make_attribute(name, value) for name, value in wanted.items())
    onnx.save(model, tmp_path / "a.onnx")
    graph = FrameToLogits(network).eval()
    assert first_difference(graph, tmp_path / "a.onnx", frames[0][np.newaxis]) == "first"


def test_files_that_were_just_made_are_not_tried_in_a_child_process(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.engines.try_model", None)
    file = write_graph(network, tmp_path / "a.onnx")
    assert compare(network, file, SPEC, frames).frames == 3
    assert compare_masks(mask_graph(network, tmp_path / "mask.onnx", "ArgMax"), file, SPEC, frames).frames == 3


def mask_graph(network: Small, path: Path, operator: str) -> Path:
    """The network's graph with a choice of classes at its end; all sizes are the input's, for the stride is 1."""
    choice = helper.make_node(operator, ["raw"], ["choice"], axis=1, keepdims=0)
    return write_graph(network, path, choice, helper.make_node("Cast", ["choice"], ["mask"], to=TensorProto.UINT8))


def test_masks_of_a_graph_are_the_kernels(network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    file = write_graph(network, tmp_path / "a.onnx")
    fact = compare_masks(mask_graph(network, tmp_path / "mask.onnx", "ArgMax"), file, SPEC, frames)
    assert fact == KernelAgreement(100.0, 3)
    with pytest.raises(ExportError, match=r"agree with the kernels on 0\.00 % of the pixels, expected 99\.9 %"):
        compare_masks(mask_graph(network, tmp_path / "mask.onnx", "ArgMin"), file, SPEC, frames)


@pytest.mark.parametrize("step", [1, -1])
def test_the_share_of_equal_pixels_is_over_all_frames(
    step: int, network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """Five pixels of each mask are made wrong: a class further up, or down."""
    lower = np.arange(96).reshape(1, 8, 12) < 5
    step_up = np.array(step)
    choice = helper.make_node("ArgMax", ["raw"], ["right"], axis=1, keepdims=0)
    wrong = helper.make_node("Add", ["right", "step_up"], ["wrong"])
    where = helper.make_node("Where", ["lower", "wrong", "right"], ["choice"])
    cast = helper.make_node("Cast", ["choice"], ["mask"], to=TensorProto.UINT8)
    mask = write_graph(network, tmp_path / "mask.onnx", choice, wrong, where, cast, lower=lower, step_up=step_up)
    file = write_graph(network, tmp_path / "a.onnx")
    with pytest.raises(ExportError, match=r"on 94\.79 % of the pixels"):
        compare_masks(mask, file, SPEC, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "LEAST_AGREEMENT", 100 * 91 / 96)
        assert compare_masks(mask, file, SPEC, frames) == KernelAgreement(94.7917, 3)
        patch.setattr(agreement, "LEAST_AGREEMENT", 94.8)
        with pytest.raises(ExportError, match=r"94\.79 % of the pixels, expected 94\.8 %"):
            compare_masks(mask, file, SPEC, frames)


def test_masks_of_a_strided_network_are_upsampled_over_the_input(
    network: Small, frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """ONNX Runtime's own resize, to a size that the stride does not divide."""
    strided = replace(SPEC, width=10, height=7, stride=4)
    pool: dict[str, Any] = {"kernel_shape": [4, 4], "strides": [4, 4], "pads": [0, 0, 1, 2], "count_include_pad": 1}
    small = helper.make_node("AveragePool", ["raw"], ["logits"], **pool)
    nodes = [
        small,
        helper.make_node("Resize", ["logits", "", "scales"], ["large"], mode="linear"),
        helper.make_node("Slice", ["large", "begin", "end", "axes"], ["cut"]),
        helper.make_node("ArgMax", ["cut"], ["choice"], axis=1, keepdims=0),
        helper.make_node("Cast", ["choice"], ["mask"], to=TensorProto.UINT8),
    ]
    constants: dict[str, Any] = {"begin": [0, 0], "end": [7, 10], "axes": [2, 3]}
    constants["scales"] = np.array([1, 1, 4, 4], np.float32)
    with torch.no_grad():  # classes that change from logit to logit, in both directions
        network.head.weight.mul_(100)
        noise = torch.rand(1, 3, 50, 50) * 2 - 1
        network.head.bias = nn.Parameter(-network(noise).mean((0, 2, 3)) + network.state_dict()["head.bias"])
    file = write_graph(network, tmp_path / "a.onnx", small, size=(7, 10))
    mask = write_graph(network, tmp_path / "mask.onnx", *nodes, size=(7, 10), **constants)
    assert compare_masks(mask, file, strided, frames) == KernelAgreement(100.0, 3)
