"""The input of somebody else's ONNX graph: one picture, in one of the forms that can be fed from a frame."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from edgeseg.counted import counted
from edgeseg.errors import ExportError, SpecError
from edgeseg_export.foreign.model_spec import ModelSpec

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
OTHER_FLOATS = (TensorProto.DOUBLE, TensorProto.BFLOAT16)
"""Of networks that hardly an engine runs; in PyTorch, model.float() turns them into float32."""

CHANNELS = (3, 1)

LEVELS = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)
"""Whole numbers: of an input that takes a picture's own levels."""


def frame_input(model: onnx.ModelProto, model_spec: ModelSpec, where: str) -> onnx.ValueInfoProto:
    """The network's one input, which must be able to take the spec's frames.

    Raises:
        ExportError: it is not one (N, 3, H, W) or (N, H, W, 3) of floats or whole numbers, or (N, 1, H, W) or
            (N, H, W, 1) of floats.
        SpecError: it has another size than the spec says, or levels that are to be normalised are whole numbers.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "nothing"
        raise ExportError(f"{where} takes {names}, expected one input, a picture; export it with just that")
    kind = inputs[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]  # 0: any
    last, channels = channels_last(inputs[0]), model_spec.preparation.channels
    if kind.elem_type not in (*FLOATS, *LEVELS) or len(sizes) != 4 or not (last or sizes[1] in (0, *CHANNELS)):
        known = kind.elem_type in TensorProto.DataType.values()
        name = TensorProto.DataType.Name(kind.elem_type).lower() if known else "something"
        shape = ", ".join(str(size or "?") for size in sizes) or "of no stated shape"
        how = "in float32, after model.float() in PyTorch" if kind.elem_type in OTHER_FLOATS else "like that"
        raise ExportError(
            f"{where} takes {name} ({shape}), expected float or uint8 (1, 3, height, width) or (1, height, width, 3), "
            f"or one channel of floats; export it {how}"
        )
    if (found := input_channels(inputs[0])) not in (0, channels):
        colour = '"GREY"' if found == 1 else '"RGB" or "BGR"'
        raise SpecError(f"{where} takes {counted(found, 'channel')}, the spec's colour has {channels}; write {colour}")
    if kind.elem_type in LEVELS and channels == 1:
        raise ExportError(f"{where} takes one channel of whole levels, expected floats; export it with a float input")
    if kind.elem_type in LEVELS and not model_spec.preparation.changes_nothing:
        name = TensorProto.DataType.Name(kind.elem_type).lower()
        raise SpecError(f"{where} takes {name} levels, which cannot be normalised; say mean 0 and std 1")
    spec = model_spec.spec
    if spec.batch > 1 and sizes[0]:
        raise ExportError(
            f"{where} takes {counted(sizes[0], 'picture')} at once, no other number; export it with a dynamic one, or "
            "leave --batch out"
        )
    height, width = sizes[1:3] if last else sizes[2:]
    if spec.dynamic and (height or width):
        raise SpecError(f'{where} takes {said_size(width, height)} alone, but the spec says "dynamic"; write false')
    if height not in (0, spec.height) or width not in (0, spec.width):
        said = said_size(width, height)
        raise SpecError(f"{where} takes {said}, the spec says {spec.width}x{spec.height}; correct it")
    return inputs[0]


def fixed_batch(picture: onnx.ValueInfoProto) -> int:
    """How many pictures an input takes at once, and no other number; 1 where that is open."""
    number: int = picture.type.tensor_type.shape.dim[0].dim_value
    return max(1, number)


def said_size(width: int, height: int) -> str:
    """A size in words, of which 0 is any."""
    return "x".join(str(side or "any") for side in (width, height))


def channels_last(picture: onnx.ValueInfoProto) -> bool:
    """Whether an input is (N, H, W, 3), as TensorFlow has it, rather than (N, 3, H, W), or has one channel there."""
    sizes = [dim.dim_value for dim in picture.type.tensor_type.shape.dim]
    return len(sizes) == 4 and sizes[3] in CHANNELS and sizes[1] not in CHANNELS


def input_channels(picture: onnx.ValueInfoProto) -> int:
    """How many channels an input of four axes has; 0 where that is open."""
    sizes = [dim.dim_value for dim in picture.type.tensor_type.shape.dim]
    return int(sizes[3] if channels_last(picture) else sizes[1])
