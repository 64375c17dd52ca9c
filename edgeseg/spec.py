"""What a network expects and what its answers mean: one frozen value, in bundle.json and in the ONNX file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from edgeseg.errors import SpecError
from edgeseg.json_fields import list_of, optional, required

_Kind = TypeVar("_Kind")

FORMAT = 3
"""Format number of bundles and specs; a reader refuses a higher one. Each is written with the lowest that says it all:
1 without grid and head, 2 where no labels overlap."""

METADATA_KEY = "edgeseg.spec"
"""Where an ONNX file carries its spec, as JSON, in its metadata."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""Names that are, or become, file names: they cannot lead out of a folder, and every system can hold them."""

MAX_CLASSES = 255
"""Masks are uint8; id 255 stays free for "ignore"."""

MOST_PICTURES = 256
"""That a network takes at once."""

MAX_SIDE = 16384
"""Pixels; a larger input is a typing error, and would take the memory of the machine."""

Resize = Literal["stretch", "letterbox"]
Grid = Literal["stride", "whole", "corners"]
"""How pixels of the input lie on the grid of logits.

"stride": pixel x at (x + 0.5) / stride - 0.5, as convolutions leave them. "whole": the input covers the whole grid, as
`interpolate(size=...)` stretches it (half-pixel centres); another place only if the stride does not divide the size.
"corners": the outermost pixels' centres lie on the outermost logits' (align_corners).
"""

HeadKind = Literal["classes", "binary", "multi-label"]
Values = Literal["logits", "probabilities", "ids"]
Colour = tuple[int, int, int]


def is_line(text: str) -> bool:
    """Whether a text can name a class: a line of printable characters."""
    return bool(text.strip()) and text.isprintable()


class Rect(NamedTuple):
    """The part of the logits that a frame covers, in logits (float: a border may lie inside a logit)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Head:
    """What the original network's channels meant, before its graph was made to give logits that are cut at 0.

    Attributes:
        kind: "classes", of which the highest wins; "binary", one channel that is class 1 above the threshold; or
            "multi-label", a channel for each label: the one that is furthest above the threshold wins, and class 0, the
            background, where none is.
        values: of the channels: "logits", "probabilities" (0 to 1), or "ids" (0 and 1).
        threshold: that was subtracted; a margin over it is what `Segmenter.confidence` gives.
        exclusive: a pixel has one class. Otherwise the labels of a multi-label head may overlap: each has a mask of its
            own, where it is above the threshold, and there is no background.
    """

    kind: HeadKind = "classes"
    values: Values = "logits"
    threshold: float = 0.0
    exclusive: bool = True

    def __post_init__(self) -> None:
        for name, value, known in (("head", self.kind, HeadKind), ("values", self.values, Values)):
            if value not in get_args(known):
                raise SpecError(f"spec's {name} is {value!r:.80}, expected one of {', '.join(get_args(known))}")
        if not math.isfinite(self.threshold):
            raise SpecError(f"spec's threshold is {self.threshold}, expected a finite number")
        if not self.exclusive and self.kind != "multi-label":
            raise SpecError(f"spec's head is {self.kind} and not exclusive; only labels of a multi-label one may be")


@dataclass(frozen=True)
class Spec:
    """The contract between a network, its artifacts and the code that runs them.

    Attributes:
        name: what people call the network, "road".
        width: of the network's input, in pixels.
        height: of the network's input, in pixels.
        resize: "stretch" fills the input; "letterbox" keeps the aspect ratio, at the top left.
        stride: input pixels a logit, the same in both directions.
        classes: class names; a class id is an index into them. Two names may go with a one-channel head. Where the head
            is not exclusive, names of its labels.
        palette: one RGB colour (0-255) a class.
        ignore: the id that labels give to pixels that count nowhere, None if there is none.
        licence: of the weights, with that of the data they were trained on.
        pad: grey level (0-255) of the letterbox's border.
        dynamic: the artifacts take any input size; width and height are then the size of choice.
        grid: how pixels of the input lie on the grid of logits.
        head: what the channels meant in the original network.
        batch: the artifacts take 1 to so many pictures at once, and have been run with 1, 2, 3 and so many.
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
    grid: Grid = "stride"
    head: Head = Head()
    batch: int = 1

    def __post_init__(self) -> None:
        if not PLAIN_NAME.fullmatch(self.name):
            raise SpecError(f"name is {self.name!r:.80}, expected letters, digits, '.', '_' and '-': it names files")
        for text in (*self.classes, self.licence):
            if not is_line(text):
                raise SpecError(f"a class or licence is {text!r:.80}, expected a line of printable text")
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
        if self.grid not in get_args(Grid):
            raise SpecError(f"grid is {self.grid!r:.80}, expected one of {', '.join(get_args(Grid))}")
        if not all(1 <= length <= MAX_SIDE for length in (self.width, self.height, self.stride)):
            raise SpecError(f"input {self.width}x{self.height} with stride {self.stride}, expected 1 to {MAX_SIDE}")
        if self.ignore is not None and not len(self.classes) <= self.ignore <= 255:
            raise SpecError(f"ignore id {self.ignore} must lie above the class ids, {len(self.classes)} to 255")
        if not 1 <= self.batch <= MOST_PICTURES:
            raise SpecError(f"batch is {self.batch}, expected 1 to {MOST_PICTURES} pictures at once")
        if not 0 <= self.pad <= 255:
            raise SpecError(f"pad is {self.pad}, expected a grey level from 0 to 255")

    def placement(self, width: int, height: int) -> tuple[int, int]:
        """Size (width, height) in input pixels that a frame of `width` x `height` takes, from the top left."""
        if self.resize == "stretch":
            return self.width, self.height
        scale = min(self.width / width, self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def mask_shape(self, width: int, height: int) -> tuple[int, ...]:
        """Of the mask of a frame of `width` x `height`: (height, width), or (labels, height, width) if they overlap."""
        return (height, width) if self.head.exclusive else (len(self.classes), height, width)

    def fits_logits(self, shape: tuple[int, ...]) -> bool:
        """Whether logits (C, h, w) may have this shape; one channel may be two classes of which a pixel has one."""
        channels = {len(self.classes), 1} if len(self.classes) == 2 and self.head.exclusive else {len(self.classes)}
        return shape in {(each, -(-self.height // self.stride), -(-self.width // self.stride)) for each in channels}

    def rect(self, width: int, height: int) -> Rect:
        """The rectangle of the logits that a frame of `width` x `height` pixels covers."""
        placed_width, placed_height = self.placement(width, height)
        x, covered_width = self._cover(placed_width, self.width)
        y, covered_height = self._cover(placed_height, self.height)
        return Rect(x, y, covered_width, covered_height)

    def _cover(self, placed: int, size: int) -> tuple[float, float]:
        """Where the first `placed` of the input's `size` pixels begin among the logits, and how many they cover."""
        logits = -(-size // self.stride)
        if self.grid == "whole":
            return 0.0, logits * placed / size
        if self.grid == "corners" and logits > 1:  # one logit has no outermost ones, and is all there is everywhere
            step = (logits - 1) / max(1, size - 1)  # logits from one pixel's centre to the next one's
            return (1 - step) / 2, step * placed
        return 0.0, placed / self.stride

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal spec."""
        more: dict[str, Any] = {} if self.grid == "stride" else {"grid": self.grid}
        if self.head != Head():
            more["head"] = {key: value for key, value in vars(self.head).items() if key != "exclusive" or not value}
        return {
            "format": (2 if self.head.exclusive else FORMAT) if more else 1,
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
                **({} if self.batch == 1 else {"batch": self.batch}),
            },
            "stride": self.stride,
            **more,
            "classes": list(self.classes),
            "palette": [list(colour) for colour in self.palette],
            "ignore": self.ignore,
            "licence": self.licence,
        }

    @classmethod
    def from_json(cls, data: Any) -> Spec:
        """Reads what `to_json` wrote.

        Raises:
            SpecError: a field is missing or of the wrong kind, or the format is newer than this edgeseg.
        """
        found = _field(data, "format", int)
        if not 1 <= found <= FORMAT:
            raise SpecError(f"spec has format {found}, expected 1 to {FORMAT}; update edgeseg or export again")
        described = _field(data, "input", dict)
        for key, expected in (("layout", "NHWC"), ("dtype", "uint8"), ("colour", "BGR")):
            if _field(described, key, str) != expected:
                raise SpecError(f"spec's {key} is {described[key]!r}, expected {expected!r}: as OpenCV gives frames")
        return cls(
            name=_field(data, "name", str),
            width=_field(described, "width", int),
            height=_field(described, "height", int),
            resize=cast(Resize, _field(described, "resize", str)),
            stride=_field(data, "stride", int),
            classes=tuple(list_of(data, "classes", str, where="spec", error=SpecError)),
            palette=tuple(_colour(colour) for colour in list_of(data, "palette", list, where="spec", error=SpecError)),
            ignore=optional(data, "ignore", int, where="spec", error=SpecError),
            licence=_field(data, "licence", str),
            pad=_field(described, "pad", int),
            dynamic=_field(described, "dynamic", bool),
            grid=cast(Grid, _field(data, "grid", str)) if "grid" in data else "stride",
            head=_head(_field(data, "head", dict)) if "head" in data else Head(),
            batch=_field(described, "batch", int) if "batch" in described else 1,
        )


def _head(data: dict[str, Any]) -> Head:
    threshold = data.get("threshold")
    if type(threshold) not in (int, float):
        raise SpecError(f"spec's threshold is {threshold!r:.80}, expected a number")
    kind, values = _field(data, "kind", str), _field(data, "values", str)
    exclusive = _field(data, "exclusive", bool) if "exclusive" in data else True
    return Head(cast(HeadKind, kind), cast(Values, values), float(cast(float, threshold)), exclusive)


def _field(data: Any, key: str, kind: type[_Kind]) -> _Kind:
    return required(data, key, kind, where="spec", error=SpecError)


def _colour(levels: list[Any]) -> Colour:
    if len(levels) != 3 or any(type(level) is not int for level in levels):
        raise SpecError(f"spec's palette holds {levels!r:.80}, expected three integers (red, green, blue)")
    red, green, blue = levels
    return red, green, blue
