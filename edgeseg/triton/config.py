"""The models' configurations (config.pbtxt), as Triton's own messages: what it does not know cannot be written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from edgeseg.arrays import Image
from edgeseg.spec import Spec
from edgeseg.triton.contract import FRAME, MASK, MASK_PNG, NETWORK, PICTURE, is_batched
from edgeseg.triton.network import Network

LABELS = "labels.txt"
"""A class name a line, in the order of their ids."""

WARM_UP = "warmup"
"""Where Triton looks for the frames that it warms a model up with, in the model's folder."""


def mask_config(spec: Spec, name: str, instances: int, parameters: Mapping[str, str]) -> pb.ModelConfig:
    """Of the model of masks.

    Args:
        spec: of the bundle.
        name: of the model, which is that of its folder.
        instances: processes that work at the same time.
        parameters: for the model to read.
    """
    labels = [] if spec.head.exclusive else [len(spec.classes)]
    batched = is_batched(spec)
    config = pb.ModelConfig(
        name=name,
        backend="python",
        input=[
            pb.ModelInput(
                name=FRAME, data_type=pb.TYPE_UINT8, dims=[-1, -1, 3], optional=True, allow_ragged_batch=batched
            ),
            pb.ModelInput(name=PICTURE, data_type=pb.TYPE_UINT8, dims=[-1], optional=True, allow_ragged_batch=batched),
        ],
        output=[
            pb.ModelOutput(name=MASK, data_type=pb.TYPE_UINT8, dims=[*labels, -1, -1], label_filename=LABELS),
            pb.ModelOutput(name=MASK_PNG, data_type=pb.TYPE_UINT8, dims=[-1]),
            pb.ModelOutput(name=NETWORK, data_type=pb.TYPE_UINT8, dims=[hashlib.sha256().digest_size]),
        ],
        # Triton's "CPU" is where it hands the frames over; the engine may use a card all the same.
        instance_group=[pb.ModelInstanceGroup(kind=pb.ModelInstanceGroup.KIND_CPU, count=instances)],
        parameters=_parameters(parameters),
    )
    if batched:
        _batch(config, spec.batch)  # of frames of any sizes: the backend gets requests, and no tensor of them all
    return config


def network_config(
    network: Network,
    name: str,
    platform: str,
    file: str,
    *,
    plans: Mapping[str, str],
    parameters: Mapping[str, str],
    batch: int = 1,
) -> pb.ModelConfig:
    """Of the network alone.

    Args:
        network: its input and output.
        name: of the model.
        platform: "onnxruntime_onnx" or "tensorrt_plan".
        file: that is loaded where `plans` has none for the card.
        plans: files by compute capability, "8.9".
        parameters: for people to read.
        batch: pictures that it takes at once.
    """
    takes, gives = network
    together = batch > 1  # then Triton itself adds the first length to the shapes
    config = pb.ModelConfig(
        name=name,
        platform=platform,
        default_model_filename=file,
        cc_model_filenames=dict(plans),
        input=[pb.ModelInput(name=takes.name, data_type=pb.TYPE_UINT8, dims=takes.shape[together:])],
        output=[
            pb.ModelOutput(name=gives.name, data_type=pb.TYPE_FP32, dims=gives.shape[together:], label_filename=LABELS)
        ],
        parameters=_parameters(parameters),
    )
    if together:
        _batch(config, batch)
    return config


def add_warm_up(config: pb.ModelConfig, folder: Path, tensor: str, frames: Mapping[str, Image]) -> None:
    """Lets Triton run frames through a model before it says that the model is ready.

    Args:
        config: gets them.
        folder: of the model, where their bytes are written to.
        tensor: the input.
        frames: uint8, C-contiguous, by names for their files.
    """
    for name, frame in frames.items():
        (folder / WARM_UP).mkdir(exist_ok=True)
        (folder / WARM_UP / name).write_bytes(np.ascontiguousarray(frame).tobytes())
        sample = pb.ModelWarmup.Input(data_type=pb.TYPE_UINT8, dims=frame.shape, input_data_file=name)
        config.model_warmup.append(pb.ModelWarmup(name=name, batch_size=1, inputs={tensor: sample}))


def to_text(config: pb.ModelConfig) -> str:
    """What config.pbtxt holds."""
    text: str = text_format.MessageToString(config, use_short_repeated_primitives=True)
    return text


def _batch(config: pb.ModelConfig, most: int) -> None:
    """Lets Triton put requests together that are there anyway."""
    config.max_batch_size = most
    config.dynamic_batching.SetInParent()


def _parameters(parameters: Mapping[str, str]) -> dict[str, Any]:
    return {name: pb.ModelParameter(string_value=value) for name, value in parameters.items()}
