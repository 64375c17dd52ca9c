"""A network of which nothing is known but its ONNX file is run, to see what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg import kernels
from edgeseg.errors import EdgeSegError, ExportError, SpecError
from edgeseg.spec import MAX_CLASSES, MAX_SIDE, Spec
from edgeseg_export.foreign.families import GREY, IMAGENET, Family
from edgeseg_export.foreign.model_spec import OPEN, ModelSpec, Preparation
from edgeseg_export.foreign.open_onnx import load_foreign, tensor_outputs
from edgeseg_export.foreign.original import Original, probes
from edgeseg_export.foreign.picture_input import LEVELS, channels_last, frame_input, input_channels, said_size
from edgeseg_export.foreign.session import Session
from edgeseg_export.foreign.tail import candidates, strides

TRIAL_SIZE = 512, 512
"""Width and height that a network is run at that takes any size, where nobody says one."""


class Probe:
    """A network that is run to see what it gives."""

    def __init__(self, path: Path, convention: Family | None, size: tuple[int, int] | None) -> None:
        self._model, self._where, self._convention = load_foreign(path), str(path), convention
        stated = _declared_size(self._model)
        self.open_sides = [side for side, fixed in zip(("width", "height"), stated or (), strict=False) if not fixed]
        if size is not None and stated is not None and not _takes(stated, size):
            raise SpecError(f"{path} takes {said_size(*stated)} alone, not {size[0]}x{size[1]}; leave --size out")
        width, height = (
            mine or declared or trial
            for mine, declared, trial in zip(size or (0, 0), stated or TRIAL_SIZE, TRIAL_SIZE, strict=True)
        )
        if not all(1 <= each <= MAX_SIDE for each in (width, height)):
            raise SpecError(f"{path} takes {width}x{height}, expected 1 to {MAX_SIDE} pixels a side")
        self._grey = _takes_grey(self._model)
        self._spec = ModelSpec(_some_spec(width, height, 1, 2), Preparation(**self._preparation(levels=False)))
        try:
            self._picture = frame_input(self._model, self._spec, self._where)
        except SpecError:  # whole numbers, which are not normalised
            self._spec = replace(self._spec, preparation=Preparation(**self._preparation(levels=True)))
            self._picture = frame_input(self._model, self._spec, self._where)
        self._levels = self._picture.type.tensor_type.elem_type in LEVELS

    @property
    def said(self) -> str:
        """The input in words."""
        kind = helper.tensor_dtype_to_np_dtype(self._picture.type.tensor_type.elem_type)
        width, height = self._spec.spec.width, self._spec.spec.height
        channels = self._spec.preparation.channels
        last = channels_last(self._picture)
        shape = f"{height}, {width}, {channels}" if last else f"{channels}, {height}, {width}"
        free = "size" if self.any_size else " or ".join(self.open_sides)
        return f"{kind} (1, {shape}){f', or any {free}' if free else ''}"

    @property
    def any_size(self) -> bool:
        """Whether the file says neither width nor height."""
        return len(self.open_sides) == 2

    def input_fields(self) -> dict[str, Any]:
        """How frames are prepared, as far as it is known."""
        fields: dict[str, Any] = {"resize": "stretch", "pad": 127}
        if self._convention is not None:
            fields |= self._convention.input
        if self._grey:
            fields = {key: value for key, value in fields.items() if key not in ("mean", "std")} | {"colour": "GREY"}
        fields.setdefault("colour", f"{OPEN}RGB or BGR, the order of its channels")
        if self._levels:  # what a convention says of float levels is done inside
            return fields | {"range": 255, "mean": [0.0] * 3, "std": [1.0] * 3}
        fields.setdefault("range", f"{OPEN}1 where levels are 0 to 1 before mean and std, or 255")
        count, usual = ("one number", GREY) if self._grey else ("three numbers", IMAGENET)
        fields.setdefault("mean", f"{OPEN}{count} to subtract, in that range; ImageNet's are {usual['mean']}")
        fields.setdefault("std", f"{OPEN}{count} to divide by then; ImageNet's are {usual['std']}")
        return fields

    def original(self) -> tuple[Original, str | None]:
        """The network with its lowest stride undone, and the name of its output where it has several.

        Raises:
            SpecError: no output holds scores for each pixel.
            ExportError: it cannot be run.
        """
        names = tensor_outputs(self._model)
        wanted = self._convention.output if self._convention is not None else None
        tensors = {name: self._run(name) for name in ([wanted] if wanted is not None and wanted in names else names)}
        fitting = {name: list(self._strides(found)) for name, found in tensors.items()}
        if not any(fitting.values()):
            self._refuse_many(found for each in tensors.values() for found in each)
        scores = [name for name, strides in fitting.items() if strides] or [names[0]]
        # Of several, one of many channels: torch.max gives the highest score before its class, a matting net its alpha.
        scores.sort(key=lambda name: all(count == 1 for _, count in fitting[name]))
        output = scores[0] if len(names) > 1 else None
        failure: EdgeSegError | None = None
        for stride, count in fitting[scores[0]] or [(1, 3)]:  # so many that no class ids pass for one channel
            try:
                found = self._open(stride, count, output)
            except (SpecError, ExportError) as error:
                failure = failure or error
            else:
                several = f"{OPEN}which of {', '.join(scores)} holds the scores; {output} was looked at"
                return found, several if len(scores) > 1 and output is not None else output
        raise failure or SpecError(f"{self._where} gives no scores for each pixel; export it so that it does")

    def channels(self, original: Original) -> int:
        """Of the scores."""
        spec = original.model_spec.spec
        return int(original.tail.scores(original(np.zeros((1, spec.height, spec.width, 3), np.uint8))).shape[1])

    def _open(self, stride: int, count: int, output: str | None) -> Original:
        size = self._spec.spec.width, self._spec.spec.height
        stated = replace(self._spec, spec=_some_spec(*size, stride, max(2, count)), output=output)
        try:
            return Original(self._model, stated, self._where)
        except SpecError:
            if count != 1:
                raise
            return Original(self._model, replace(stated, threshold=self._middle(output)), self._where)

    def _middle(self, output: str | None) -> float:
        """Of the range, over the frames that show it, of an output that is neither logits nor probabilities."""
        name = output or tensor_outputs(self._model)[0]
        session, spec = self._session([name]), self._spec.spec
        found = [session(kernels.resize(frame, spec.width, spec.height)[np.newaxis])[name] for frame in probes()]
        return (float(min(each.min() for each in found)) + float(max(each.max() for each in found))) / 2

    def _strides(self, tensors: list[NDArray[Any]]) -> Iterator[tuple[int, int]]:
        """Stride and channels of the tensors that may be scores, the smallest picture first."""
        seen: set[tuple[int, int]] = set()
        for found in tensors:
            if _is_one_channel(found):
                yield from ((stride, 1) for stride in strides(found.shape[1:], self._spec.spec))
            if found.ndim != 4 or found.shape[0] != 1 or min(found.shape) < 1:
                continue
            _, first, second, third = found.shape
            for count, size in ((first, (second, third)), (third, (first, second))):  # channels may come last
                if count > MAX_CLASSES:
                    continue
                for stride in strides(size, self._spec.spec):
                    if (stride, count) not in seen:
                        seen.add((stride, count))
                        yield stride, count

    def _refuse_many(self, tensors: Iterable[NDArray[Any]]) -> None:
        """Says of scores of more classes than a mask can hold that this is so."""
        for found in tensors:
            if found.ndim == 4 and found.shape[1] > MAX_CLASSES and strides(found.shape[2:], self._spec.spec):
                raise SpecError(
                    f"{self._where} gives {found.shape[1]} classes, and a mask holds {MAX_CLASSES} at most; write a "
                    'spec whose "channels" are those of the classes that are to be kept'
                )

    def _run(self, output: str) -> list[NDArray[Any]]:
        """An output and the tensors before it that may be the scores, the first computed first."""
        names = [output, *(str(node.input[0]) for node in candidates(self._model, output))]
        spec = self._spec.spec
        noise = np.random.default_rng(0).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
        tensors = self._session(names)(noise)
        return [tensors[name] for name in names[::-1]]

    def _session(self, names: list[str]) -> Session:
        advice = "if it takes another size, say --size"
        return Session(self._model, self._picture, self._spec.preparation, names, self._where, advice)

    def _preparation(self, *, levels: bool) -> dict[str, Any]:
        """To run it with: what is known, or ImageNet's."""
        known = {} if self._convention is None or self._grey else self._convention.input
        fields: dict[str, Any] = {**(GREY if self._grey else IMAGENET), **known}
        if levels:
            fields = {**fields, "range": 255, "mean": [0.0] * 3, "std": [1.0] * 3}
        return {
            "colour": fields["colour"],
            "range": fields["range"],
            "mean": tuple(fields["mean"]),
            "std": tuple(fields["std"]),
        }


def _is_one_channel(found: NDArray[Any]) -> bool:
    """Whether it may be scores (1, h, w) of one channel without an axis, and no class ids."""
    return found.ndim == 3 and found.shape[0] == 1 and found.size > 0 and (found.dtype.kind == "f" or found.max() <= 1)


def _declared_size(model: onnx.ModelProto) -> tuple[int, int] | None:
    """Width and height of the input, 0 for any; None where it is no picture."""
    weights = {tensor.name for tensor in model.graph.initializer}
    picture = next((value for value in model.graph.input if value.name not in weights), None)
    if picture is None:
        return None
    sizes = [dim.dim_value for dim in picture.type.tensor_type.shape.dim]
    if len(sizes) != 4:
        return None
    height, width = sizes[1:3] if channels_last(picture) else sizes[2:4]
    return width, height


def _takes_grey(model: onnx.ModelProto) -> bool:
    """Whether its input has one channel."""
    weights = {tensor.name for tensor in model.graph.initializer}
    picture = next((value for value in model.graph.input if value.name not in weights), None)
    return picture is not None and len(picture.type.tensor_type.shape.dim) == 4 and input_channels(picture) == 1


def _takes(stated: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a stated size, of which 0 is any, can be `size`."""
    return all(side in (0, own) for side, own in zip(stated, size, strict=True))


def _some_spec(width: int, height: int, stride: int, count: int) -> Spec:
    """Of so many classes, whatever they are."""
    names = tuple(f"class {index}" for index in range(count))
    return Spec("network", width, height, "stretch", stride, names, ((0, 0, 0),) * count, None, "unknown")
