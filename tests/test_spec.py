from __future__ import annotations

import contextlib
import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import SpecError
from edgeseg.spec import FORMAT, Head, HeadKind, Spec

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def test_json_gives_the_spec_back(spec: Spec) -> None:
    for one in (spec, replace(spec, resize="letterbox", pad=0, ignore=None, dynamic=True)):
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
        ({"ignore": 2}, "ignore id 2"),
        ({"pad": 256}, "pad is 256"),
    ],
)
def test_what_does_not_hold_together_is_refused(spec: Spec, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(spec, **change)


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
