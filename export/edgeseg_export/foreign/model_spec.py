"""spec.json: what somebody else's network takes and gives. It is the spec of bundle.json, with the input described.

    {
      "format": 1,
      "name": "city",                      names files
      "input": {
        "width": 512, "height": 256,       of the network's input, in pixels
        "resize": "stretch",               or "letterbox", whose border has the grey level "pad"
        "pad": 127,
        "dynamic": false,                  true: the network takes any size
        "colour": "RGB",                   or "BGR": the order of its channels; "GREY": it has one
        "range": 1,                        levels are 0 to 1, or 0 to 255, before mean and std
        "mean": [0.485, 0.456, 0.406],     subtracted, a number a channel in that order and range: one of grey
        "std": [0.229, 0.224, 0.225]       then divided by
      },
      "output": "logits",                  which of the network's outputs; may be left out where there is one
      "head": "classes",                   or "binary", "multi-label"; left out: binary where there is one channel
      "values": "probabilities",           or "logits", "ids"; left out: seen from frames that are run
      "threshold": 0.5,                    of a binary or multi-label head, in those values; left out: 0.5 or 0
      "background": "none",                of a multi-label head of which one label wins: the class where none holds
      "grid": "whole",                     or "stride", "corners": how pixels lie on the logits (edgeseg/spec.py)
      "channels": [0, 1, 3],               the output's channel of each class; left out: class i is channel i
      "stride": 4,                         input pixels a logit
      "classes": ["road", null, "sky"],    null: a class without a name, then called "class 1"
      "palette": null,                     or a list with one [red, green, blue] a class; null: colours are chosen
      "ignore": 255,                       the id that labels give to pixels that count nowhere, or null
      "licence": "Apache-2.0; trained on ..."
    }

A network of one channel has two classes, the second where its value is above the threshold. The labels of a
multi-label head are "classes". They may overlap: each has a mask of its own, where it is above the threshold. With a
"background" they exclude one another: the one furthest above the threshold wins, and the background, which becomes
class 0, where none is above. Channels that "channels" leaves out (void, other) never win a pixel. Where the network
ends in a softmax, a sigmoid or an arg-max, that is undone; where it ends in a bilinear resize, that is undone if
"stride" says so: upsampling and arg-max are the kernels' work.

`edgeseg import model.onnx --make-spec` writes such a file; what only the network's owner knows is left open in it, as a
text that starts with OPEN. docs/spec.schema.json is its JSON schema, and "$schema" may name it.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import SpecError
from edgeseg.json_fields import list_of, read_json, required
from edgeseg.spec import Grid, HeadKind, Spec, Values

Colour = Literal["RGB", "BGR", "GREY"]

_INPUT = {"width", "height", "resize", "pad", "dynamic", "colour", "range", "mean", "std"}
OPEN = "? "
"""Start of a text that stands for a value that nobody has filled in yet."""

_OPTIONAL = {"$schema", "output", "channels", "head", "values", "threshold", "background", "grid"}
_TOP = {"format", "name", "input", "stride", "classes", "palette", "ignore", "licence"} | _OPTIONAL
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Preparation:
    """What happens to a frame's levels before a network sees them: (level * range / 255 - mean) / std.

    Attributes:
        colour: order of the network's channels; "GREY": it has one, the luma of ITU-R BT.601, 0.299 R + 0.587 G +
            0.114 B, as OpenCV's and Pillow's, which is here not rounded to whole levels.
        range: 1 or 255, the white level.
        mean: one a channel, in that order and range.
        std: likewise.
    """

    colour: Colour
    range: Literal[1, 255]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.colour not in get_args(Colour):
            expected = "'RGB', 'BGR' or, of one channel, 'GREY', as the network takes it"
            raise SpecError(f"spec's colour is {self.colour!r:.80}, expected {expected}")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) != self.channels:
                expected = f"{'one number' if self.channels == 1 else 'three numbers'} with colour {self.colour}"
                raise SpecError(f"spec: input: {name} is {list(numbers)!r:.80}, expected {expected}, one a channel")
        if self.range not in (1, 255):
            raise SpecError(f"spec's range is {self.range!r:.80}, expected 1 (levels 0 to 1) or 255 (levels 0 to 255)")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise SpecError(f"spec's mean {self.mean} or std {self.std} is no use; give finite numbers, std above 0")
        if self.range == 1 and max(map(abs, self.mean)) > 1:
            raise SpecError(f"spec's range is 1 but its mean is {self.mean}: is the range 255? Else give 0 to 1")
        if self.range == 1 and max(self.std) > 1:
            raise SpecError(f"spec's range is 1 but its std is {self.std}: is the range 255? Else give 0 to 1")
        if self.range == 255 and max(self.std) < 1:
            raise SpecError(f"spec's range is 255 but its std is {self.std}: is the range 1? Else give std in levels")

    @property
    def channels(self) -> int:
        """Of the network's input."""
        return 1 if self.colour == "GREY" else 3

    @property
    def changes_nothing(self) -> bool:
        """Whether levels stay as they are, in whatever range."""
        return not any(self.mean) and all(each == 1 for each in self.std)

    @property
    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and std in grey levels, one a channel in the network's order: (level - mean) / std."""
        scale = 255 / self.range
        return np.array(self.mean) * scale, np.array(self.std) * scale

    def __call__(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's input, (1, 1 or 3, H, W), of frames uint8 (1, H, W, 3) in BGR, the way NumPy users write it.

        Conversions are proved with it, so it shares nothing with the graph that is proved.
        """
        if self.colour == "GREY":
            blue, green, red = np.moveaxis(tensor.astype(np.float64), -1, 0)
            picture: NDArray[Any] = (0.299 * red + 0.587 * green + 0.114 * blue)[..., np.newaxis]
        else:
            picture = tensor[..., ::-1] if self.colour == "RGB" else tensor
        scaled = picture.astype(np.float32) / np.float32(255) if self.range == 1 else picture.astype(np.float32)
        normalised = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), np.float32)


@dataclass(frozen=True)
class ModelSpec:
    """A spec.json that was read.

    Attributes:
        spec: of the bundle that comes out.
        preparation: of the frames.
        output: name of the network's output, None where it has one.
        channels: the output's channel of each class, None where class i is channel i.
        head: what the channels mean, None where it is to be seen from them.
        values: of the channels, None likewise.
        threshold: in those values, None for the usual one.
        grid: how pixels lie on the logits, None where it is to be seen from the network's resize.
        exclusive: a pixel has one class; otherwise the labels of a multi-label head may overlap.
    """

    spec: Spec
    preparation: Preparation
    output: str | None = None
    channels: tuple[int, ...] | None = None
    head: HeadKind | None = None
    values: Values | None = None
    threshold: float | None = None
    grid: Grid | None = None
    exclusive: bool = True

    @property
    def labels(self) -> int:
        """Classes that have a channel: all but the background of a multi-label head of which one label wins."""
        return len(self.spec.classes) - (self.head == "multi-label" and self.exclusive)

    def with_batch(self, batch: int) -> ModelSpec:
        """The same for so many pictures at once."""
        return replace(self, spec=replace(self.spec, batch=batch))


def read_model_spec(path: Path) -> ModelSpec:
    """Reads a spec.json.

    Raises:
        SpecError: it cannot be read, or a field is missing, unknown, or does not fit the others.
    """
    return model_spec(read_json(path, error=SpecError, unreadable="check the path", damaged="correct it"))


def model_spec(data: Any) -> ModelSpec:
    """The same of a JSON object.

    Raises:
        SpecError: a field is missing, unknown, or does not fit the others.
    """
    described_input = required(data, "input", dict, where="spec", error=SpecError)
    _check_filled(described_input, "spec: input")
    _check_filled(data, "spec")
    _check_fields(data, _TOP, _OPTIONAL, "spec")
    _check_fields(described_input, _INPUT, set(), "spec: input")
    names = required(data, "classes", list, where="spec", error=SpecError)
    classes = [f"class {index}" if name is None else name for index, name in enumerate(names)]
    head = _choice(data, "head", HeadKind)
    background = required(data, "background", str, where="spec", error=SpecError) if "background" in data else None
    if head == "multi-label" and background is not None:
        classes.insert(0, background)
    elif background is not None:
        raise SpecError('spec has a "background", which goes with "head": "multi-label" alone; leave it out')
    palette = _colours(len(classes)) if data["palette"] is None else data["palette"]
    ours = {key: described_input[key] for key in ("width", "height", "resize", "pad", "dynamic")}
    ours |= {"layout": "NHWC", "dtype": "uint8", "colour": "BGR"}
    described = {key: data[key] for key in data.keys() - _OPTIONAL}
    spec = Spec.from_json({**described, "input": ours, "classes": classes, "palette": palette})
    preparation = Preparation(
        cast(Any, required(described_input, "colour", str, where="spec: input", error=SpecError)),
        cast(Any, required(described_input, "range", int, where="spec: input", error=SpecError)),
        _numbers(described_input, "mean"),
        _numbers(described_input, "std"),
    )
    if "$schema" in data:
        required(data, "$schema", str, where="spec", error=SpecError)
    output = required(data, "output", str, where="spec", error=SpecError) if "output" in data else None
    return ModelSpec(
        spec,
        preparation,
        output,
        _channels(data, names),
        cast("HeadKind | None", head),
        cast("Values | None", _choice(data, "values", Values)),
        _threshold(data),
        cast("Grid | None", _choice(data, "grid", Grid)),
        exclusive=head != "multi-label" or background is not None,
    )


def _choice(data: dict[str, Any], key: str, known: Any) -> str | None:
    if data.get(key) is None:
        return None
    value = required(data, key, str, where="spec", error=SpecError)
    if value not in get_args(known):
        raise SpecError(f"spec's {key} is {value!r:.80}, expected one of {', '.join(get_args(known))}")
    return value


def _threshold(data: dict[str, Any]) -> float | None:
    value = data.get("threshold")
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise SpecError(f"spec's threshold is {value!r:.80}, expected a finite number")
    return float(value)


def _check_filled(data: dict[str, Any], where: str) -> None:
    """Refuses what `--make-spec` has left open."""
    for name, value in data.items():
        if isinstance(value, str) and value.startswith(OPEN):
            reason = f"{where}: {name} is not filled in: {value.removeprefix(OPEN):.300}"
            raise SpecError(f"{reason}; write it in its place, as only you know it")


def _check_fields(data: dict[str, Any], known: set[str], optional: set[str], where: str) -> None:
    strange = sorted(data.keys() - known)
    if strange:
        raise SpecError(f"{where} has the unknown field {strange[0]!r:.80}, expected {', '.join(sorted(known))}")
    missing = sorted(known - optional - data.keys())
    if missing:
        raise SpecError(f"{where} has no field {missing[0]!r}; it needs {', '.join(sorted(known - optional))}")


def _numbers(data: dict[str, Any], key: str) -> tuple[float, ...]:
    numbers = required(data, key, list, where="spec: input", error=SpecError)
    if any(type(number) not in (int, float) for number in numbers):
        raise SpecError(f"spec: input: {key} is {numbers!r:.80}, expected three numbers, one a channel")
    return tuple(map(float, numbers))


def _channels(data: dict[str, Any], classes: list[Any]) -> tuple[int, ...] | None:
    if "channels" not in data:
        return None
    channels = tuple(list_of(data, "channels", int, where="spec", error=SpecError))
    if len(channels) != len(classes) or len(set(channels)) != len(channels) or min(channels, default=0) < 0:
        raise SpecError(f"spec's channels are {list(channels)!r:.80}, expected another one for each class, from 0")
    return channels


def _colours(count: int) -> list[list[int]]:
    """Distinct colours: hues a golden ratio apart, of three lightnesses in turn."""
    return [
        [round(255 * level) for level in colorsys.hsv_to_rgb(index * _GOLDEN % 1, 0.75, (1.0, 0.75, 0.5)[index % 3])]
        for index in range(count)
    ]
