"""The JSON schema of spec.json, for editors and for those who write such files by program.

`python -m edgeseg_export.foreign.spec_schema` prints it; docs/spec.schema.json is that. It says as much of
`model_spec` as a schema can. What it cannot say: as many colours and channels as classes, names that do not repeat, an
ignore id above all classes, a mean or std of another range, values that contradict the network.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from edgeseg.spec import FORMAT, MAX_CLASSES, MAX_SIDE, PLAIN_NAME, Grid, HeadKind, Resize, Values
from edgeseg_export.foreign.model_spec import Colour

DRAFT = "https://json-schema.org/draft/2020-12/schema"

TEXT = {"type": "string", "pattern": r"^(?!\? )(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"}
"""A line of printable text that has been filled in."""

FILLED = {"type": "string", "pattern": r"^(?!\? )"}

NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
LEVEL = {"type": "integer", "minimum": 0, "maximum": 255}
SIDE = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}


def spec_schema() -> dict[str, Any]:
    """The schema, as a JSON object."""
    return {
        "$schema": DRAFT,
        "title": "spec.json of edgeseg import and export: what a network takes and gives",
        "type": "object",
        "required": ["format", "name", "input", "stride", "classes", "palette", "ignore", "licence"],
        "additionalProperties": False,
        "properties": {
            "$schema": _said(FILLED, "where this schema lies, for editors"),
            "format": _said({"enum": list(range(1, FORMAT + 1))}, "of this file: 1"),
            "name": _said({"type": "string", "pattern": f"^{PLAIN_NAME.pattern}$"}, "names the files"),
            "input": _input(),
            "output": _said(FILLED, "which output holds the scores; nested ones as main.logits"),
            "head": _said(_choice(HeadKind), "what the channels mean; left out: binary for one channel, else classes"),
            "values": _said(_choice(Values), "what the channels hold; left out: seen from frames that are run"),
            "threshold": _said({"type": ["number", "null"]}, "of a binary or multi-label head, in its values"),
            "background": _said(TEXT, "the class where no label holds; without it labels overlap"),
            "grid": _said(_choice(Grid), "how pixels of the input lie on the logits"),
            "channels": _said(
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True},
                "the output's channel of each class; left out: class i is channel i",
            ),
            "stride": _said(SIDE, "input pixels a logit"),
            "classes": _said(
                {"type": "array", "items": {"anyOf": [TEXT, {"type": "null"}]}, "minItems": 1, "maxItems": MAX_CLASSES},
                "a name each; null: without a name",
            ),
            "palette": _said(
                {"anyOf": [{"type": "null"}, {"type": "array", "items": {**NUMBERS, "items": LEVEL}}]},
                "a colour [red, green, blue] a class; null: chosen",
            ),
            "ignore": _said(
                {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 2, "maximum": 255}]},
                "the id that labels give to pixels that count nowhere",
            ),
            "licence": _said(TEXT, "of the weights, with that of the data behind them"),
        },
        "if": {"required": ["background"]},
        "then": {
            "required": ["head"],
            "properties": {"head": {"const": "multi-label"}, "classes": {"maxItems": MAX_CLASSES - 1}},
        },
        "else": {"properties": {"classes": {"minItems": 2}}},
    }


def _input() -> dict[str, Any]:
    fields = {
        "width": _said(SIDE, "of the network's input, in pixels"),
        "height": _said(SIDE, "of the network's input, in pixels"),
        "resize": _said({"enum": list(get_args(Resize))}, "how frames of other sizes are fitted"),
        "pad": _said(LEVEL, "grey level of the letterbox's border"),
        "dynamic": _said({"type": "boolean"}, "the network takes any size"),
        "colour": _said({"enum": [*get_args(Colour)]}, "order of the network's channels; GREY: it has one"),
        "range": _said({"enum": [1, 255]}, "levels are 0 to 1, or 0 to 255, before mean and std"),
        "mean": _said({**NUMBERS, "minItems": 1}, "subtracted, a number a channel in that order and range"),
        "std": _said(
            {**NUMBERS, "minItems": 1, "items": {"type": "number", "exclusiveMinimum": 0}}, "then divided by"
        ),
    }
    counts = {number: {key: {"minItems": number, "maxItems": number} for key in ("mean", "std")} for number in (1, 3)}
    small = {"type": "array", "items": {"minimum": -1, "maximum": 1}}
    return {
        "type": "object",
        "required": list(fields),
        "additionalProperties": False,
        "properties": fields,
        "allOf": [
            {
                "if": {"properties": {"colour": {"const": "GREY"}}},
                "then": {"properties": counts[1]},
                "else": {"properties": counts[3]},
            }
        ],
        "if": {"properties": {"range": {"const": 1}}},
        "then": {"properties": {"mean": small}},
        "else": {
            "not": {
                "properties": {
                    "mean": small,
                    "std": {"type": "array", "items": {"exclusiveMinimum": -1, "exclusiveMaximum": 1}},
                }
            }
        },
    }


def _choice(kind: Any) -> dict[str, Any]:
    return {"enum": [*get_args(kind), None]}


def _said(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


def spec_schema_text() -> str:
    """The file."""
    return json.dumps(spec_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(spec_schema_text(), end="")
