"""The JSON schema of spec.json and the code that reads such files say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgeseg.errors import SpecError
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.foreign.spec_schema import spec_schema, spec_schema_text
from tests.export.foreign.their_onnx import description

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = jsonschema.Draft202012Validator(spec_schema())
ALPHABET = st.characters(categories=["L", "N", "P"], include_characters=" ")
TEXT = st.text(ALPHABET, min_size=1, max_size=12).filter(lambda text: text.strip() and not text.startswith("? "))
SMALL = st.floats(-1, 1, width=32).filter(lambda number: number != int(number))
SCALES = {
    white: st.floats(low, high).filter(lambda number: number != int(number))
    for white, low, high in ((1, 0.125, 1), (255, 1, 80))
}
"""Of std by range: a std of the other range is refused."""

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=6,
).filter(lambda value: not _whole_floats(value))


def _whole_floats(value: Any) -> bool:
    """Whether 512.0 stands anywhere: a schema takes it for an integer, and edgeseg does not."""
    if isinstance(value, float):
        return value.is_integer()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_whole_floats, inner))


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Valid specs, of every shape that there is."""
    classes = draw(st.lists(st.none() | TEXT, min_size=2, max_size=6))
    named = [f"class {index}" if name is None else name for index, name in enumerate(classes)]
    assume(len(set(named)) == len(named))
    white = draw(st.sampled_from([1, 255]))
    colour = draw(st.sampled_from(["RGB", "BGR", "GREY"]))
    count = 1 if colour == "GREY" else 3
    numbers = st.lists(SCALES[white], min_size=count, max_size=count)
    levels = SMALL if white == 1 else st.floats(2, 200).map(lambda x: x + 0.1)
    mean = draw(st.lists(levels, min_size=count, max_size=count))
    spec: dict[str, Any] = {
        "format": 1,
        "name": draw(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True)),
        "input": {
            "width": draw(st.integers(1, 16384)),
            "height": draw(st.integers(1, 16384)),
            "resize": draw(st.sampled_from(["stretch", "letterbox"])),
            "pad": draw(st.integers(0, 255)),
            "dynamic": draw(st.booleans()),
            "colour": colour,
            "range": white,
            "mean": mean,
            "std": draw(numbers),
        },
        "stride": draw(st.integers(1, 16384)),
        "classes": classes,
        "palette": None,
        "ignore": draw(st.none() | st.just(255)),
        "licence": draw(TEXT),
    }
    head = draw(st.sampled_from([None, "classes", "binary", "multi-label"]))
    if head is not None:
        spec["head"] = head
    if head == "multi-label" and draw(st.booleans()):
        spec["background"] = draw(TEXT.filter(lambda text: text not in named))
    more = {
        "values": st.sampled_from(["logits", "probabilities", "ids", None]),
        "threshold": st.none() | st.integers(-3, 3) | SMALL,
        "grid": st.sampled_from(["stride", "whole", "corners", None]),
        "output": TEXT,
        "channels": st.permutations(range(len(classes))),
        "$schema": TEXT,
    }
    for name in draw(st.sets(st.sampled_from(sorted(more)))):
        spec[name] = draw(more[name])
    if draw(st.booleans()):
        colours = len(classes) + ("background" in spec)
        spec["palette"] = draw(
            st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=colours, max_size=colours)
        )
    return spec


def accepted(spec: Any) -> bool:
    try:
        model_spec(json.loads(json.dumps(spec)))
    except SpecError:
        return False
    return True


@given(specs())
def test_valid_specs_validate(spec: dict[str, Any]) -> None:
    model_spec(spec)
    VALIDATOR.validate(spec)


ALONE = (
    *("format", "name", "stride", "licence", "values", "threshold"),
    *("grid", "output", "$schema", "background", "head"),
)
"""Fields that mean the same whatever the others are; of "background" and "head", all that depends on each other."""


@given(specs(), st.sampled_from(ALONE), ANYTHING)
def test_a_damaged_field_is_refused_by_both_or_by_none(spec: dict[str, Any], field: str, value: Any) -> None:
    assume(field != "background" or (value not in spec["classes"] and spec["palette"] is None))
    damaged = {**spec, field: value}
    assert VALIDATOR.is_valid(damaged) == accepted(damaged), damaged


@given(specs(), st.data(), ANYTHING)
def test_a_damaged_field_of_the_input_is_refused_by_both_or_by_none(
    spec: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    field = data.draw(st.sampled_from([*spec["input"], "levels"]))
    damaged = {**spec, "input": {**spec["input"], field: value}}
    assert VALIDATOR.is_valid(damaged) == accepted(damaged), damaged


@given(specs(), st.data())
def test_a_missing_or_strange_field_is_refused_by_both_or_by_none(spec: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([*spec, *spec["input"], "strange"]))
    for part in (spec, spec["input"]):
        damaged = json.loads(json.dumps(spec))
        target = damaged if part is spec else damaged["input"]
        if field == "strange":
            target[field] = 1
        elif target.pop(field, part) is part:
            continue
        if field != "background" or spec["palette"] is None:  # else there is a colour too many
            assert VALIDATOR.is_valid(damaged) == accepted(damaged), damaged


@given(specs(), st.sampled_from(["classes", "palette", "channels", "ignore"]), ANYTHING)
def test_what_the_schema_refuses_of_lists_the_code_refuses(spec: dict[str, Any], field: str, value: Any) -> None:
    damaged = {**spec, field: value}
    assert VALIDATOR.is_valid(damaged) or not accepted(damaged), damaged


@pytest.mark.parametrize("field", ["classes", "palette", "channels"])
def test_what_only_the_code_refuses(field: str) -> None:
    """As the schema's own words say."""
    values: dict[str, Any] = {"classes": ["a", "a"], "palette": [[0, 0, 0]], "channels": [0]}
    damaged = {**description(), field: values[field]}
    assert VALIDATOR.is_valid(damaged)
    assert not accepted(damaged)


def test_the_schema_in_the_docs_is_the_codes() -> None:
    jsonschema.Draft202012Validator.check_schema(spec_schema())
    written = (ROOT / "docs/spec.schema.json").read_text(encoding="utf-8")
    assert written == spec_schema_text(), "stale: python -m edgeseg_export.foreign.spec_schema > docs/spec.schema.json"
