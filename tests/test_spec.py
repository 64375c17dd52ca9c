from __future__ import annotations

import contextlib
import copy
import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import SpecError
from edgeseg.spec import FORMAT, Grid, Head, HeadKind, Resize, Spec

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def test_json_gives_the_spec_back(spec: Spec) -> None:
    for one in (spec, replace(spec, resize="letterbox", pad=0, ignore=None, dynamic=True), replace(spec, batch=8)):
        assert Spec.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_the_lowest_format_that_says_it_all_is_written(spec: Spec) -> None:
    """Who reads format 2 would take labels that overlap for one class a pixel."""
    exclusive, overlapping = Head("multi-label"), Head("multi-label", exclusive=False)
    for one, number in ((spec, 1), (replace(spec, head=exclusive), 2), (replace(spec, head=overlapping), 3)):
        data = json.loads(json.dumps(one.to_json()))
        assert data["format"] == number
        assert ("exclusive" in data.get("head", {})) is (number == 3)
        assert Spec.from_json(data) == one
    assert replace(spec, head=overlapping).mask_shape(5, 4) == (3, 4, 5)
    assert spec.mask_shape(5, 4) == (4, 5)


@pytest.mark.parametrize("kind", ["classes", "binary"])
def test_only_labels_overlap(kind: HeadKind) -> None:
    with pytest.raises(SpecError, match="not exclusive"):
        Head(kind, exclusive=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("one",), "palette": ((0, 0, 0),)}, "1 classes, expected 2 to 255"),
        ({"name": "../road"}, "it names files"),
        ({"classes": ("a", "", "c")}, "printable"),
        ({"licence": "two\nlines"}, "printable"),
        ({"classes": ("a", "b", "a")}, "class names repeat"),
        ({"palette": ((0, 0, 0),)}, "1 colours for 3 classes"),
        ({"palette": ((0, 0, 256), (0, 0, 0), (0, 0, 0))}, "three integers from 0 to 255"),
        ({"resize": "crop"}, "expected one of stretch, letterbox"),
        ({"width": 0}, "0x18"),
        ({"height": 20_000}, "expected 1 to 16384"),
        ({"stride": 0}, "stride 0"),
        ({"batch": 0}, "batch is 0, expected 1 to 256"),
        ({"batch": 257}, "batch is 257"),
        ({"ignore": 2}, "ignore id 2"),
        ({"pad": 256}, "pad is 256"),
    ],
)
def test_what_does_not_hold_together_is_refused(spec: Spec, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(spec, **change)


def classes(count: int) -> dict[str, Any]:
    return {"classes": tuple(map(str, range(count))), "palette": ((0, 0, 0),) * count, "ignore": None}


@pytest.mark.parametrize(
    "change",
    [
        classes(2),
        classes(255),
        {**classes(255), "ignore": 255},
        {"name": "x" * 128},
        {"name": "_1.a-b"},
        *({side: length} for side in ("width", "height", "stride") for length in (1, 16384)),
        {"palette": ((0, 255, 0), (255, 0, 255), (0, 0, 0))},
        {"ignore": 3},
        {"pad": 0},
        {"pad": 255},
    ],
)
def test_the_outermost_values_are_specs(spec: Spec, change: dict[str, Any]) -> None:
    changed = replace(spec, **change)
    assert Spec.from_json(json.loads(json.dumps(changed.to_json()))) == changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (classes(256), "256 classes, expected 2 to 255"),
        ({"name": "x" * 129}, "it names files"),
        ({"name": ".road"}, "it names files"),
        ({"name": "-road"}, "it names files"),
        ({"classes": ("a", " ", "c")}, "printable"),
        *(({side: length}, "expected 1 to 16384") for side in ("width", "height", "stride") for length in (0, 16385)),
        *(({"palette": (colour,) * 3}, "three integers") for colour in ((0, 0), (0,) * 4, (0, -1, 0), (0, 256, 0))),
        ({"ignore": 256}, "ignore id 256 must lie above the class ids, 3 to 255"),
        ({"pad": -1}, "pad is -1"),
        ({"grid": "hexagons"}, "grid is 'hexagons', expected one of stride, whole, corners"),
    ],
)
def test_one_beyond_is_none(spec: Spec, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(spec, **change)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"kind": "boxes"}, "spec's head is 'boxes', expected one of classes"),
        ({"values": "votes"}, "spec's values is 'votes', expected one of logits"),
        ({"threshold": float("inf")}, "spec's threshold is inf, expected a finite number"),
        ({"threshold": float("nan")}, "spec's threshold is nan"),
    ],
)
def test_heads_that_are_none(head: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Head(**head)


WRITTEN: dict[str, Any] = {
    **{"format": 1, "name": "tiny", "stride": 4, "classes": ["a", "b"], "palette": [[1, 2, 3], [4, 5, 6]]},
    **{"ignore": None, "licence": "none"},
    "input": {
        **{"width": 30, "height": 18, "layout": "NHWC", "dtype": "uint8", "colour": "BGR"},
        **{"resize": "stretch", "pad": 127, "dynamic": False},
    },
}
"""As the first edgeseg wrote it."""


def test_what_the_first_format_says_is_read_and_written_as_it_was() -> None:
    spec = Spec.from_json(WRITTEN)
    assert spec == Spec("tiny", 30, 18, "stretch", 4, ("a", "b"), ((1, 2, 3), (4, 5, 6)), None, "none")
    assert (spec.grid, spec.head) == ("stride", Head("classes", "logits", 0.0))
    assert spec.to_json() == WRITTEN
    with pytest.raises(FrozenInstanceError):
        spec.width = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        spec.head.threshold = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "change", [{"grid": "whole"}, {"grid": "corners"}, {"head": Head("binary", "probabilities", 0.5)}]
)
def test_grid_and_head_need_the_second_format(change: dict[str, Any]) -> None:
    spec = replace(Spec.from_json(WRITTEN), **change)
    data = spec.to_json()
    assert (data["format"], {*data} - {*WRITTEN}) == (2, set(change))
    assert Spec.from_json(json.loads(json.dumps(data))) == spec


@pytest.mark.parametrize("threshold", [None, "0.5", True, [0]])
def test_thresholds_are_numbers(threshold: object) -> None:
    head = {"kind": "binary", "values": "logits"}
    assert Spec.from_json({**WRITTEN, "head": {**head, "threshold": 1}}).head.threshold == 1.0
    with pytest.raises(SpecError, match=r"spec's threshold is .*, expected a number"):
        Spec.from_json({**WRITTEN, "head": {**head, "threshold": threshold}})


@pytest.mark.parametrize("colour", [[1, 2], [1, 2, 3, 4], [1, 2, True], [1, 2, 3.0], [1, 2, "3"]])
def test_colours_are_three_integers(colour: list[Any]) -> None:
    with pytest.raises(SpecError, match="expected three integers"):
        Spec.from_json({**WRITTEN, "palette": [colour, [4, 5, 6]]})


@pytest.mark.parametrize("number", [-1, 0])
def test_formats_begin_at_one(number: int) -> None:
    with pytest.raises(SpecError, match="expected 1 to"):
        Spec.from_json({**WRITTEN, "format": number})


@pytest.mark.parametrize(("key", "value"), [("layout", "NCHW"), ("dtype", "float32")])
def test_other_tensors_are_refused(key: str, value: str) -> None:
    with pytest.raises(SpecError, match=f"spec's {key} is '{value}', expected"):
        Spec.from_json({**WRITTEN, "input": {**WRITTEN["input"], key: value}})


def test_newer_format_asks_for_an_update(spec: Spec) -> None:
    with pytest.raises(SpecError, match="update edgeseg"):
        Spec.from_json({**spec.to_json(), "format": FORMAT + 1})


@pytest.mark.parametrize("value", [None, "3", 3.0, True, [3], float("nan")])
def test_numbers_are_not_repaired(spec: Spec, value: object) -> None:
    with pytest.raises(SpecError, match="spec: stride"):
        Spec.from_json({**spec.to_json(), "stride": value})


def test_other_colour_orders_are_refused(spec: Spec) -> None:
    data = spec.to_json()
    data["input"]["colour"] = "RGB"
    with pytest.raises(SpecError, match="colour is 'RGB', expected 'BGR'"):
        Spec.from_json(data)


@given(data=st.data())
def test_any_change_of_a_field_is_read_or_refused(spec: Spec, data: st.DataObject) -> None:
    mutated = copy.deepcopy(spec.to_json())
    place = data.draw(st.sampled_from([mutated, mutated["input"]]))
    key = data.draw(st.sampled_from(sorted(place)))
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(json_values)
    with contextlib.suppress(SpecError):  # any other exception fails the test
        Spec.from_json(mutated)


@given(data=json_values)
def test_any_json_is_read_or_refused(data: object) -> None:
    with pytest.raises(SpecError):
        Spec.from_json(data)


def test_letterbox_keeps_the_aspect_ratio_at_the_top_left(spec: Spec) -> None:
    boxed = replace(spec, width=32, height=16, resize="letterbox")
    assert boxed.placement(640, 320) == (32, 16)
    assert boxed.placement(320, 320) == (16, 16)
    assert boxed.placement(640, 160) == (32, 8)
    assert boxed.rect(640, 160) == (0, 0, 8, 2)
    assert boxed.placement(10_000, 1) == (32, 1)


@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_a_frame_never_covers_more_than_the_input(spec: Spec, width: int, height: int) -> None:
    boxed = replace(spec, resize="letterbox")
    placed_width, placed_height = boxed.placement(width, height)
    assert 1 <= placed_width <= boxed.width
    assert 1 <= placed_height <= boxed.height
    assert placed_width == boxed.width or placed_height == boxed.height
    assert spec.placement(width, height) == (spec.width, spec.height)
    assert spec.rect(width, height) == (0, 0, 7.5, 4.5)


def place_of(pixel: float, grid: Grid, size: int, stride: int) -> float:
    """Where the input's pixel lies among the logits, by the docstring of `Grid`."""
    logits = -(-size // stride)
    if grid == "stride":
        return (pixel + 0.5) / stride - 0.5
    if grid == "whole":
        return (pixel + 0.5) * logits / size - 0.5
    return pixel * (logits - 1) / (size - 1)


def test_a_single_logit_covers_every_frame() -> None:
    """An empty rectangle would be refused by the kernels."""
    for grid in ("stride", "whole", "corners"):
        spec = replace(Spec.from_json(WRITTEN), width=8, height=7, stride=8, grid=grid)
        assert min(spec.rect(5, 7)[2:]) > 0


@given(
    width=st.integers(2, 300),
    height=st.integers(2, 300),
    stride=st.integers(1, 16),
    grid=st.sampled_from(["stride", "whole", "corners"]),
    resize=st.sampled_from(["stretch", "letterbox"]),
    frame=st.tuples(st.integers(1, 700), st.integers(1, 700)),
)
def test_a_frames_pixels_lie_where_the_grid_says(
    width: int, height: int, stride: int, grid: Grid, resize: Resize, frame: tuple[int, int]
) -> None:
    """A frame's pixel goes to the input, and from there to the logits; kernels sample the rectangle's middle points."""
    spec = replace(Spec.from_json(WRITTEN), width=width, height=height, stride=stride, grid=grid, resize=resize)
    x, y, across, down = spec.rect(*frame)
    placed = spec.placement(*frame)
    for axis, (origin, extent, size) in enumerate(((x, across, width), (y, down, height))):
        if size <= stride:
            continue  # of one logit, which is what every pixel gets
        for pixel in (0, frame[axis] // 3, frame[axis] - 1):
            sampled = origin + (pixel + 0.5) * extent / frame[axis] - 0.5
            in_input = (pixel + 0.5) * placed[axis] / frame[axis] - 0.5
            assert sampled == pytest.approx(place_of(in_input, grid, size, stride), abs=1e-6)


def test_an_input_of_one_pixel_has_one_logit() -> None:
    for grid in ("stride", "whole", "corners"):
        spec = replace(Spec.from_json(WRITTEN), width=1, height=1, stride=1, grid=grid)
        x, y, width, height = spec.rect(5, 7)
        assert (x + width / 2, y + height / 2) == (0.5, 0.5)


@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_a_letterbox_keeps_the_aspect_ratio_to_half_a_pixel(width: int, height: int) -> None:
    boxed = replace(Spec.from_json(WRITTEN), width=640, height=480, resize="letterbox")
    scale = min(640 / width, 480 / height)
    across, down = boxed.placement(width, height)
    assert abs(across - max(1, width * scale)) <= 0.5
    assert abs(down - max(1, height * scale)) <= 0.5
