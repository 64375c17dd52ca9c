"""What a network expects and what its answers mean: one frozen value, in bundle.json and in the ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from edgeseg.errors import SpecError

FORMAT = 1
"""Format number of bundles and specs; a reader refuses a higher one."""

MAX_CLASSES = 255
"""Masks are uint8; id 255 stays free for "ignore"."""

Resize = Literal["stretch", "letterbox"]
Colour = tuple[int, int, int]


class Rect(NamedTuple):
    """The part of the logits that a frame covers, in logits (float: a border may lie inside a logit)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Spec:
    """The contract between a network, its artifacts and the code that runs them.

    Attributes:
        name: what people call the network, "road".
        width: of the network's input, in pixels.
        height: of the network's input, in pixels.
        resize: "stretch" fills the input; "letterbox" keeps the aspect ratio, at the top left.
        stride: input pixels a logit, the same in both directions.
        classes: class names; a class id is an index into them. Two names may go with a one-channel head.
        palette: one RGB colour (0-255) a class.
        ignore: the id that labels give to pixels that count nowhere, None if there is none.
        licence: of the weights, with that of the data they were trained on.
        pad: grey level (0-255) of the letterbox's border.
        dynamic: the artifacts take any input size; width and height are then the size of choice.
    """

    name: str
    width: int
    height: int
    resize: Resize
    stride: int
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]
    ignore: int | None
    licence: str
    pad: int = 127
    dynamic: bool = False

    def __post_init__(self) -> None:
        if not 2 <= len(self.classes) <= MAX_CLASSES:
            raise SpecError(f"got {len(self.classes)} classes, expected 2 to {MAX_CLASSES}: masks are uint8")
        if len(set(self.classes)) != len(self.classes):
            raise SpecError(f"class names repeat in {', '.join(self.classes)}; give each class a name of its own")
        if len(self.palette) != len(self.classes):
            raise SpecError(f"got {len(self.palette)} colours for {len(self.classes)} classes; give one a class")
        if any(len(colour) != 3 or not all(0 <= level <= 255 for level in colour) for colour in self.palette):
            raise SpecError("a palette colour is not three integers from 0 to 255 (red, green, blue)")
        if self.resize not in get_args(Resize):
            raise SpecError(f"resize is {self.resize!r}, expected one of {', '.join(get_args(Resize))}")
        if min(self.width, self.height) < 1 or self.stride < 1:
            raise SpecError(f"input {self.width}x{self.height} with stride {self.stride}: all must be at least 1")
        if self.ignore is not None and not len(self.classes) <= self.ignore <= 255:
            raise SpecError(f"ignore id {self.ignore} must lie above the class ids 0-{len(self.classes) - 1}, up to 255")
        if not 0 <= self.pad <= 255:
            raise SpecError(f"pad is {self.pad}, expected a grey level from 0 to 255")

    def placement(self, width: int, height: int) -> tuple[int, int]:
        """Size (width, height) in input pixels that a frame of `width` x `height` takes, from the top left."""
        if self.resize == "stretch":
            return self.width, self.height
        scale = min(self.width / width, self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def rect(self, width: int, height: int) -> Rect:
        """The rectangle of the logits that a frame of `width` x `height` pixels covers."""
        placed_width, placed_height = self.placement(width, height)
        return Rect(0.0, 0.0, placed_width / self.stride, placed_height / self.stride)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal spec."""
        return {
            "format": FORMAT,
            "name": self.name,
            "input": {
                "width": self.width,
                "height": self.height,
                "layout": "NHWC",
                "dtype": "uint8",
                "colour": "BGR",
                "resize": self.resize,
                "pad": self.pad,
                "dynamic": self.dynamic,
            },
            "stride": self.stride,
            "classes": list(self.classes),
            "palette": [list(colour) for colour in self.palette],
            "ignore": self.ignore,
            "licence": self.licence,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Spec:
        """Reads what `to_json` wrote.

        Raises:
            SpecError: a field is missing or of the wrong kind, or the format is newer than this edgeseg.
        """
        found = data.get("format")
        if not isinstance(found, int) or found < 1:
            raise SpecError(f"spec has format {found!r}, expected an integer from 1 to {FORMAT}")
        if found > FORMAT:
            raise SpecError(f"spec has format {found}, this edgeseg reads up to {FORMAT}; update edgeseg")
        try:
            taken = data["input"]
            fixed = {key: taken[key] for key in ("layout", "dtype", "colour")}
            spec = cls(
                name=str(data["name"]),
                width=_integer(taken, "width"),
                height=_integer(taken, "height"),
                resize=taken["resize"],
                stride=_integer(data, "stride"),
                classes=tuple(str(name) for name in data["classes"]),
                palette=tuple((int(r), int(g), int(b)) for r, g, b in data["palette"]),
                ignore=None if data["ignore"] is None else _integer(data, "ignore"),
                licence=str(data["licence"]),
                pad=_integer(taken, "pad"),
                dynamic=bool(taken["dynamic"]),
            )
        except KeyError as error:
            raise SpecError(f"spec has no field {error}; export the bundle again") from error
        except (TypeError, ValueError) as error:
            if isinstance(error, SpecError):
                raise
            raise SpecError(f"spec has a field of the wrong kind ({error}); export the bundle again") from error
        expected = {"layout": "NHWC", "dtype": "uint8", "colour": "BGR"}
        if fixed != expected:
            raise SpecError(f"spec's input is {fixed}, expected {expected}: frames go in as OpenCV gives them")
        return spec


def _integer(data: Mapping[str, Any], key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise SpecError(f"spec's {key} is {value!r}, expected an integer")
    return value
