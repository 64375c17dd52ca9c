"""What stands in C++ and in Python is the same: ONNX's fields, the format, limits, margins."""

from __future__ import annotations

import re

from edgeseg import proof, spec
from edgeseg.onnx_schema import HIGHEST, MESSAGES, ONE_OF
from tests.cpp.conftest import ROOT

CPP = ROOT / "cpp_bridge"

KINDS = {"integer": "int", "real": "float", "real64": "double"}


def test_the_fields_of_onnx() -> None:
    text = (CPP / "src/bundle/onnx_schema.hpp").read_text()
    rows = re.findall(
        r"\{Message::(\w+), (\d+), Kind::(\w+), (true|false), Message::(\w+)(?:, (true|false))?(?:, (\d+))?\}", text
    )
    messages: dict[str, dict[int, str]] = {}
    one_of: dict[str, set[int]] = {}
    highest = {}
    for owner, number, kind, repeated, message, only, most in rows:
        name = message if kind == "message" else KINDS.get(kind, kind)
        messages.setdefault(owner, {})[int(number)] = ("*" if repeated == "true" else "") + name
        if only == "true":
            one_of.setdefault(owner, set()).add(int(number))
        if most:
            highest[owner, int(number)] = int(most)
    assert len(rows) == text.count("{Message::")
    assert messages == MESSAGES
    assert one_of == ONE_OF
    assert highest == HIGHEST


def test_the_format_and_the_longest_side() -> None:
    text = (CPP / "include/edgeseg/spec.hpp").read_text()
    assert f"constexpr int kFormat = {spec.FORMAT};" in text
    assert f"constexpr int kLongestSide = {spec.MAX_SIDE};" in text


def test_the_margin_of_a_proof() -> None:
    text = (CPP / "include/edgeseg/golden.hpp").read_text()
    assert f"constexpr double kMargin = {proof.MARGIN};" in text
