"""The weights of a bundle that `edgeseg export` made, read back from its fp32 ONNX file.

All weights of our networks are those of convolutions, and the exporter names each as PyTorch did. Which network they
belong to stands in the bundle; every tensor must be there in its shape.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from edgeseg.bundle import Bundle
from edgeseg.errors import WeightsError
from edgeseg.measured import Network, Training
from edgeseg.models.weights import State, Weights, folded_network

PREFIX = "network."
"""Before the names of the network's tensors: its attribute in `FrameToLogits`."""

CONVOLUTIONS = {"Conv": 0, "ConvTranspose": 1}
"""ONNX operators, and which dimension of their weights counts the output channels."""


def load_bundle_weights(bundle: Bundle) -> Weights:
    """The network that a bundle was exported from, BatchNorm folded, and what the bundle says of its training.

    Raises:
        BundleError: it has no fp32 artifact for ONNX Runtime, or a fact or the file was altered.
        WeightsError: it does not say which network it holds, as an imported one, or holds another.
    """
    artifact, about = bundle.artifact(target="onnxruntime", precision="fp32"), network_in(bundle)
    training = artifact.measured.get(Training)
    tensors = _convolutions(bundle.path(artifact))
    network = folded_network(about.name, len(bundle.spec.classes), about.width, tensors, artifact.file)
    record = {} if training is None else {"data": training.data_sha256, **training.record}
    return Weights(network, about.name, about.width, bundle.spec, record)


def network_in(bundle: Bundle) -> Network:
    """Which network a bundle was exported from, by what it says itself; no file of it is read.

    Raises:
        BundleError: it has no fp32 artifact for ONNX Runtime, or a fact was altered.
        WeightsError: it does not say which network it holds, as an imported one.
    """
    about = bundle.artifact(target="onnxruntime", precision="fp32").measured.get(Network)
    if about is None:
        raise WeightsError(
            f"bundle {bundle.folder} does not say which network of edgeseg it holds, as those that were imported; "
            "give one that edgeseg export made"
        )
    return about


def _convolutions(path: Path) -> State:
    """Weight and bias of every convolution, float32, by PyTorch's names."""
    graph = onnx.load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:  # stored as float16
            values[node.output[0]] = values[node.input[0]]
    tensors: State = {}
    for node in graph.node:
        if node.op_type in CONVOLUTIONS and node.input[1] in values:
            weight, *bias = (torch.from_numpy(values[name].astype(np.float32)) for name in node.input[1:])
            outputs = weight.shape[CONVOLUTIONS[node.op_type]]
            layer = node.input[1].removeprefix(PREFIX).removesuffix(".weight")
            tensors[f"{layer}.weight"] = weight
            tensors[f"{layer}.bias"] = bias[0] if bias else torch.zeros(outputs)  # the exporter drops zeros
    return tensors
