"""Proof of a conversion: the same frames through PyTorch and the artifact, down to the first layer that differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeseg import kernels
from edgeseg.agreement import KernelAgreement, TorchAgreement
from edgeseg.artifact import read_model
from edgeseg.engines import open_engine
from edgeseg.errors import ExportError
from edgeseg.models.normalise import FrameToLogits
from edgeseg.ort import ort
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Rect, Spec
from edgeseg_export.closeness import LEAST_AGREEMENT, TOLERANCE

CHOICES = {"ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "TopK"}
"""ONNX operators that turn a rounding into another choice, as SegNet's unpooling puts a value one pixel further."""

MOST_CHOSEN = 0.02
"""The fraction of the logits that may leave TOLERANCE where a graph chooses; without such operators none may.

Trained SegNets have up to 0.6 % on CamVid: one choice at 1/32 is seen by all pixels around it. The others agree to
1e-8, where a wrong layer changes all."""


def compare(network: nn.Module, file: Path, spec: Spec, frames: list[NDArray[np.uint8]]) -> TorchAgreement:
    """Runs `frames` (BGR, any size) through both, and compares logits and masks.

    Raises:
        ExportError: they disagree; the message names the first layer that differs.
    """
    model = Segmenter(spec, open_engine("onnxruntime", file, spec, threads=1, own=True))
    graph = FrameToLogits(network).eval()
    difference = largest = 0.0
    same = pixels = outliers = logits = 0
    chooses = any(node.op_type in CHOICES for node in onnx.load(file).graph.node)
    for frame in frames:
        tensor = model.prepare(frame)
        actual = model.infer(tensor)
        expected = _infer(graph, tensor)
        apart = np.abs(actual - expected)
        difference = max(difference, float(apart.max()))
        largest = max(largest, float(np.abs(expected).max()))
        outliers += int((~(apart <= TOLERANCE * np.abs(expected).max())).sum())
        logits += apart.size
        height, width = frame.shape[:2]
        same += int((model.mask(actual, width, height) == model.mask(expected, width, height)).sum())
        pixels += height * width
    agreement = 100 * same / pixels
    if outliers > (MOST_CHOSEN * logits if chooses else 0) or agreement < LEAST_AGREEMENT:
        layer = first_difference(graph, file, model.prepare(frames[0]))
        raise ExportError(
            f"the exported graph disagrees with PyTorch: logits differ by up to {difference:.3g} (largest logit "
            f"{largest:.3g}), masks agree on {agreement:.2f} % of the pixels, expected {LEAST_AGREEMENT} %; the first "
            f"layer that differs is {layer}"
        )
    return TorchAgreement(
        max_difference=float(f"{difference:.2e}"),
        max_logit=round(largest, 3),
        mask_agreement=round(agreement, 4),
        frames=len(frames),
        chosen=round(outliers / logits, 8) if outliers else None,
    )


def compare_masks(mask_file: Path, file: Path, spec: Spec, frames: list[NDArray[np.uint8]]) -> KernelAgreement:
    """Runs `frames` through a graph that gives masks, and through its logits and the kernels, at the input's size.

    Raises:
        ExportError: they agree on less than LEAST_AGREEMENT of the pixels.
    """
    model = Segmenter(spec, open_engine("onnxruntime", file, spec, threads=1, own=True))
    session = ort.InferenceSession(read_model(mask_file), providers=["CPUExecutionProvider"])
    whole = Rect(0.0, 0.0, spec.width / spec.stride, spec.height / spec.stride)
    same = pixels = 0
    for frame in frames:
        tensor = model.prepare(frame)
        mask = kernels.argmax(model.infer(tensor), spec.width, spec.height, rect=whole)
        same += int((session.run(None, {"frame": tensor})[0][0] == mask).sum())
        pixels += mask.size
    agreement = 100 * same / pixels
    if agreement < LEAST_AGREEMENT:
        raise ExportError(
            f"the graph's own masks agree with the kernels on {agreement:.2f} % of the pixels, expected "
            f"{LEAST_AGREEMENT} %; leave --mask-in-graph out, and report it"
        )
    return KernelAgreement(round(agreement, 4), len(frames))


def first_difference(graph: FrameToLogits, file: Path, tensor: NDArray[np.uint8]) -> str:
    """Name of the first layer with weights whose output differs, or of what comes after all of them.

    ONNX nodes are matched to torch's layers by the name of their weights, which the exporter keeps.
    """
    model = onnx.load(file)
    outputs = {name: node.output[0] for node in model.graph.node for name in node.input if name.endswith(".weight")}
    layers = {f"{name}.weight": layer for name, layer in graph.named_modules() if f"{name}.weight" in outputs}
    expected: dict[str, NDArray[np.float32]] = {}

    def keep(name: str) -> Any:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del layer, inputs
            expected[name] = output.numpy().copy()  # a ReLU after it may work in place

        return hook

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    _infer(graph, tensor)
    for hook in hooks:
        hook.remove()
    model.graph.output.extend(onnx.ValueInfoProto(name=outputs[name]) for name in expected)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run([outputs[name] for name in expected], {session.get_inputs()[0].name: tensor})
    for (name, theirs), ours in zip(expected.items(), results, strict=True):  # in the order of computation
        if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max():
            return name.removeprefix("network.").removesuffix(".weight")
    return "none of those with weights: what differs comes after the last one"


def torch_logits(network: nn.Module, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits (1, C, h, w) by PyTorch of frames uint8 (1, H, W, 3) in BGR."""
    return _infer(FrameToLogits(network).eval(), tensor)


@torch.no_grad()
def _infer(graph: FrameToLogits, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
    logits: NDArray[np.float32] = graph(torch.from_numpy(tensor)).numpy()
    return logits
