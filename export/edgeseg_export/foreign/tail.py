"""Where the logits are in somebody else's network: what comes after them is found, and left out if that is the same.

From the output back, operators are followed that turn scores into what people wanted to have: casts, squeezes,
softmax, sigmoid, arg-max, a resize to the frame's size. The kernels do the last two, and the first ones change no
arg-max, so the tensor before them serves. That they were undone rightly is measured afterwards, not assumed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg.counted import counted
from edgeseg.errors import ExportError, SpecError
from edgeseg.spec import Grid, Spec
from edgeseg_export.foreign.model_spec import ModelSpec

SHAPING = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Transpose")
SQUASHING = ("Softmax", "LogSoftmax", "Sigmoid")
RESIZING = ("Resize",)
CHOOSING = ("ArgMax",)

RESIZE_WITH_COORDINATES = 11
"""The opset since which a Resize says where its pixels lie."""

GRIDS: dict[str, Grid] = {"half_pixel": "whole", "pytorch_half_pixel": "whole", "align_corners": "corners"}
"""How pixels lie on the logits, by the coordinates of a bilinear resize."""

Form = Literal["first", "last", "none"]


@dataclass(frozen=True)
class Tail:
    """What follows the logits.

    Attributes:
        logits: name of the tensor, (1, C, h, w), (1, h, w, C), or (1, h, w) of one channel.
        undone: operators that are left out, in the order of computation.
        ids: name of the arg-max's own answer, before any resize of it; None without one.
        grid: how the pixels of the input lie on the logits by the network's own resize; None without one.
        form: where its channels are: first; last, as TensorFlow and layers on tokens have them; or the one channel has
            no axis, as after `scores[:, 1]`.
    """

    logits: str
    undone: tuple[onnx.NodeProto, ...]
    ids: str | None = None
    grid: Grid | None = None
    form: Form = "first"

    def scores(self, tensors: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """The logits among computed tensors, as (1, C, h, w)."""
        return _planar(tensors[self.logits], self.form)

    @property
    def names(self) -> list[str]:
        """Of the operators that change values."""
        return [node.op_type for node in self.undone if node.op_type not in (*SHAPING, "Gather")]


def candidates(model: onnx.ModelProto, output: str) -> list[onnx.NodeProto]:
    """The nodes from the output back that may be left out, the last one first.

    Resizes before opset 11 are not followed: they say no coordinates, and lie as the kernels' do not (asymmetric).
    """
    resizing = RESIZING if model.opset_import[0].version >= RESIZE_WITH_COORDINATES else ()
    producers = {name: node for node in model.graph.node for name in node.output}
    zeros = {tensor.name for tensor in model.graph.initializer if not tensor.dims and not numpy_helper.to_array(tensor)}
    chain = []
    name = output
    while name in producers:
        node = producers[name]
        if not (node.op_type in (*SHAPING, *SQUASHING, *resizing, *CHOOSING) or _takes_first(node, zeros)):
            break
        chain.append(node)
        name = str(node.input[0])
    return chain


def _takes_first(node: onnx.NodeProto, zeros: Collection[str]) -> bool:
    """Whether it takes the first picture of the batch, of which there is but one: `scores[0]`."""
    along = next((each.i for each in node.attribute if each.name == "axis"), 0)
    return node.op_type == "Gather" and along == 0 and node.input[1] in zeros


def find_tail(
    chain: list[onnx.NodeProto], output: str, tensors: dict[str, NDArray[np.float32]], model_spec: ModelSpec, where: str
) -> Tail:
    """The logits that `model_spec` means, and what is left out to have them.

    Args:
        chain: what `candidates` gave.
        output: of the network.
        tensors: the output and every first input of the chain, computed for one input.
        model_spec: what the network is said to be.
        where: the model's file, for messages.

    Raises:
        SpecError: no tensor has the spec's stride and classes.
        ExportError: an operator cannot be undone; the message says why.
    """
    least = _least(chain)
    names = [output, *(str(node.input[0]) for node in chain)]
    spec = model_spec.spec
    size = (-(-spec.height // spec.stride), -(-spec.width // spec.stride))
    forms: tuple[Form, ...] = ("first", "last", "none") if model_spec.labels == 2 else ("first", "last")
    for form, place in product(forms, range(least, len(names))):
        tensor = _planar(tensors[names[place]], form)
        if _is_picture(tensor) and tensor.shape[2:] == size:
            _check_channels(tensor, model_spec, where)
            undone = tuple(reversed(chain[:place]))
            choice = next((index for index, node in enumerate(undone) if node.op_type in CHOOSING), len(undone))
            ids = str(undone[choice].output[0]) if choice < len(undone) else None
            _check_order(undone[choice:], tensors, where)
            return Tail(names[place], undone, ids, _grid(undone[:choice], tensors, where), form)
    found = [tensors[name] for name in names[least:]]
    shapes = dict.fromkeys(_said(tensor.shape) for tensor in found)
    raise SpecError(
        f"{where} gives {' or '.join(shapes)} for an input of {spec.width}x{spec.height}, expected (1, C, "
        f"{size[0]}, {size[1]}) by stride {spec.stride}; {_advice(found, model_spec)}"
    )


def _planar(tensor: NDArray[Any], form: Form) -> NDArray[Any]:
    """A tensor of that form as (1, C, h, w); as it is if it has other axes."""
    if form == "last" and tensor.ndim == 4:
        return np.moveaxis(tensor, -1, 1)
    return tensor[:, None] if form == "none" and tensor.ndim == 3 else tensor


def _is_picture(tensor: NDArray[np.generic]) -> bool:
    """Whether it holds scores, (1, C, h, w): of whole numbers too, as quantised scores and ready-made masks are."""
    return tensor.ndim == 4 and tensor.shape[0] == 1 and tensor.dtype.kind in "fiub"


def _check_order(chosen: tuple[onnx.NodeProto, ...], tensors: dict[str, NDArray[Any]], where: str) -> None:
    """Refuses what moves class ids about after the arg-max: they are read where the arg-max gives them."""
    picture: list[tuple[int, int]] = []  # place in the arg-max's answer and size, of each axis that is longer than 1
    reshaped = False
    for node in chosen:
        shape, after = (tensors[name].shape for name in (node.input[0], node.output[0]))
        sizes = [size for size in after if size > 1]
        if node.op_type in CHOOSING:
            picture = list(enumerate(sizes))
        elif node.op_type in RESIZING:
            picture = [(place, size) for (place, _), size in zip(picture, sizes, strict=True)]
        elif node.op_type == "Transpose" and len(sizes) == len(picture):  # and is no row of all pixels
            perm = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
            axes = [axis for axis in range(len(shape)) if shape[axis] > 1]
            order = [axis for axis in perm or reversed(range(len(shape))) if shape[axis] > 1]
            picture = [picture[axes.index(axis)] for axis in order]
        elif node.op_type == "Reshape" and len(sizes) > 1:
            reshaped = reshaped or sizes != [size for _, size in picture]
    if reshaped or picture != sorted(picture):
        raise ExportError(
            f"{where} turns or reshapes its class ids after the arg-max; export it so that they lie as the frame does"
        )


def _least(chain: list[onnx.NodeProto]) -> int:
    """How many nodes must go, so that scores are left: arg-max always, squashing unless scores are resized after it."""
    least = 0
    resized = False
    for place, node in enumerate(chain):
        if node.op_type in CHOOSING or (node.op_type in SQUASHING and not resized):
            least = place + 1
        resized = resized or node.op_type in RESIZING
    return least


def _check_channels(scores: NDArray[Any], model_spec: ModelSpec, where: str) -> None:
    count, classes = scores.shape[1], model_spec.labels
    found = f"{where} gives {counted(count, 'channel')}"
    if model_spec.channels is not None:
        if max(model_spec.channels) >= count:
            raise SpecError(f"{found}, but the spec's channels name {max(model_spec.channels)}")
    elif count == 1 and classes > 2 and scores.dtype.kind in "iu":
        raise SpecError(f"{where} gives class ids that no arg-max at its end makes; export the scores before them")
    elif count != classes and not (count == 1 and classes == 2 and model_spec.head != "multi-label"):
        painted = count == 3 and scores.dtype.kind in "iu"
        also = "; if they are a palette's colours, export the class ids or the scores before them" if painted else ""
        raise SpecError(
            f"{found}, but the spec has {classes} classes; name each (null: without a name), or say with \"channels\" "
            f"which to keep{also}"
        )


def _grid(undone: tuple[onnx.NodeProto, ...], tensors: dict[str, NDArray[Any]], where: str) -> Grid | None:
    """How pixels lie on the logits by the resize of scores that is left out; one to the same size changes nothing."""
    grids: list[Grid] = []
    for node in undone:
        before, after = (tensors[name].shape for name in (node.input[0], node.output[0]))
        if node.op_type not in RESIZING or before == after:
            continue
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        mode = attributes.get("mode", b"nearest").decode()
        place = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
        if mode != "linear" or place not in GRIDS or attributes.get("antialias"):
            raise ExportError(
                f"{where} ends in a resize ({mode}, {place}) that the kernels' (linear; half_pixel or align_corners) "
                "would change; give the stride after that resize, and it is kept"
            )
        grids.append(GRIDS[place])
    if len(grids) > 1:
        raise ExportError(
            f"{where} ends in {len(grids)} resizes in turn, which one does not equal; give the stride before the last, "
            "so that the others are kept"
        )
    return grids[0] if grids else None


def _advice(found: list[NDArray[Any]], model_spec: ModelSpec) -> str:
    """The strides that would fit, if there are any; else what seems to be the matter."""
    spec = model_spec.spec
    shapes = [tensor.shape for tensor in found]
    pictures = [shape for shape in shapes if len(shape) == 4 and shape[0] == 1 and min(shape) > 0]
    fitting = {stride for shape in pictures for stride in strides(shape[2:], spec)}
    fitting |= {stride for shape in pictures if shape[3] == model_spec.labels for stride in strides(shape[1:3], spec)}
    if fitting:
        return f"give stride {' or '.join(map(str, sorted(fitting)))}"
    if any(tensor.dtype.kind in "iu" and tensor.ndim < 4 for tensor in found):
        return "it holds class ids that no arg-max at its end makes; export the scores before them"
    if any(shape[1] == model_spec.labels for shape in pictures):
        return "its scores cover another size than the input divided by a stride; pad its convolutions, or resize them"
    return "edgeseg takes scores (1, classes, height, width); export the network so that it gives them"


def strides(size: tuple[int, ...], spec: Spec) -> set[int]:
    """The strides by which a height and width of scores would be the input's."""
    near = {round(spec.height / size[0]), round(spec.width / size[1])}
    return {stride for stride in near if stride and size == (-(-spec.height // stride), -(-spec.width // stride))}


def _said(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
