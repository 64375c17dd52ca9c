"""The line of every value, for whatever tomllib reads."""

from __future__ import annotations

import json
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.toml_lines import Place, line_of, lines_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = '''\
# a comment with [brackets] and "quotes"
bundle = "road"   # ]

[cameras.gate]
source = """
rtsp://gate
]"""
zones.A = [
    [0.1, 0.5], # ]
    [0.9, 0.5],
]

[[cameras.gate.rules]]
name = 'one "'
when = { class = "a]", above = 0.1 }
[[cameras.gate.rules]]
name = "two"
[cameras.gate.rules.when]
class = "b"
[cameras."yard]"]
source = """""\\""""""
last = 1'''


def test_every_kind_of_statement_has_its_line() -> None:
    lines = lines_of(FILE)
    expected: dict[Place, int] = {
        ("bundle",): 2,
        ("cameras", "gate"): 4,
        ("cameras", "gate", "source"): 5,
        ("cameras", "gate", "zones"): 8,
        ("cameras", "gate", "zones", "A", 1, 0): 8,
        ("cameras", "gate", "rules", 0): 13,
        ("cameras", "gate", "rules", 0, "name"): 14,
        ("cameras", "gate", "rules", 0, "when", "class"): 15,
        ("cameras", "gate", "rules", 1): 16,
        ("cameras", "gate", "rules", 1, "name"): 17,
        ("cameras", "gate", "rules", 1, "when"): 18,
        ("cameras", "gate", "rules", 1, "when", "class"): 19,
        ("cameras", "yard]"): 20,
        ("cameras", "yard]", "source"): 21,
        ("cameras", "yard]", "last"): 22,
    }
    assert {place: lines.get(place) for place in expected} == expected


def test_what_is_not_there_is_on_the_line_of_what_it_would_be_in() -> None:
    lines = lines_of(FILE)
    assert line_of(lines, ("cameras", "gate", "max_age")) == 4
    assert line_of(lines, ("cameras", "gate", "rules", 1, "when", "above")) == 18
    assert line_of(lines, ("nothing",)) == 1


def quoted(text: str) -> str:
    """A basic string on one line."""
    return json.dumps(text)


def literal(text: str) -> str:
    """A literal string over several lines, where the text allows it."""
    plain = "".join(each for each in text if each in "\n" or (each.isprintable() and each != "'"))
    return f"'''\n{plain}'''"


texts = st.text(alphabet="ab\"'#[]{}=,.\\\n", max_size=12)
values = st.one_of(
    texts.map(quoted),
    texts.map(literal),
    st.integers(-9, 9).map(str),
    st.lists(texts.map(quoted), max_size=3).map(
        lambda items: "[\n" + "".join(f"  {each}, # ]\n" for each in items) + "]"
    ),
    texts.map(lambda text: f"{{ inner = {quoted(text)} }}"),
)


@given(st.lists(st.tuples(st.sampled_from(["", "# a [ comment", "\n"]), st.booleans(), values), max_size=8))
def test_statements_are_found_whatever_they_hold(statements: list[tuple[str, bool, str]]) -> None:
    """The text is put together line by line, so that the line of each is known."""
    text = ""
    table: Place = ()
    expected: dict[Place, int] = {}
    for number, (before, header, value) in enumerate(statements):
        text += before + "\n"
        if header:
            text += f"[table{number}]\n"
            table = (f"table{number}",)
            expected[table] = text.count("\n")
        expected[(*table, f"key{number}")] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    assert places(tomllib.loads(text)) >= set(expected)
    lines = lines_of(text)
    assert {place: lines[place] for place in expected} == expected


def places(data: Any, place: Place = ()) -> set[Place]:
    inner = data.items() if isinstance(data, dict) else ()
    return {place}.union(*(places(value, (*place, key)) for key, value in inner))
