from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import DataError
from edgeseg.json_fields import parse_json, read_json

TEXT = st.text()  # of whole characters

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner),
    max_leaves=12,
)  # fmt: skip


@given(value=VALUES)
def test_plain_json_is_read_as_python_does(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text) == json.loads(text) == parse_json(text.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1" + "0" * 400, "is too large"),
        ("-" + "1" * 5000, "is too large"),
        (str(2**64), "is too large"),
        (str(-(2**63) - 1), "is too large"),
        ("1e999", "is too large"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "is not JSON"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 2}', "the name 'a' is there twice"),
        ('"\\ud800"', "not UTF-8 text"),
        (b"\xff\xfe\xfd", "not UTF-8 text"),
        ("", "Expecting value"),
    ],
)
def test_what_no_other_reader_would_take_is_refused(text: str | bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=f"is not readable JSON .*{reason}"):
        read_json(path, error=DataError, unreadable="check the path", damaged="write it again")


@given(content=st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        json.dumps(parse_json(content), allow_nan=False).encode()
    except ValueError:
        return


def test_large_files_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with path.open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(DataError, match=r"cannot read .*expected at most 8388608; is it the right file\?$"):
        read_json(path, error=DataError, unreadable="check the path", damaged="write it again")


def test_a_name_that_is_there_twice_is_found_among_many() -> None:
    """In a time that grows with their number, not its square: files of megabytes are read."""
    names = ",".join(f'"{number}":0' for number in range(200_000))
    with pytest.raises(ValueError, match="the name '199999' is there twice"):
        parse_json(f'{{{names},"199999":0}}')


@pytest.mark.parametrize("half", [r"\ud83d", r"\uDE00", r"\ud83d\ud83d"])
def test_a_half_of_a_character_is_found_wherever_it_is(half: str) -> None:
    for text in (f'"{half}"', f'{{"{half}": 1}}', f'[{{"a": ["{half}"]}}]'):
        for content in (text, text.encode(), text.encode("utf-16")):
            with pytest.raises(ValueError, match="not UTF-8 text"):
                parse_json(content)
    assert parse_json(rb'["\ud83d\ude00", "\\ud83d"]') == ["\N{GRINNING FACE}", r"\ud83d"]


def test_the_limit_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("[1, 2]")
    assert read_json(path, error=DataError, unreadable="check it", damaged="write it again", limit=6) == [1, 2]
    with pytest.raises(DataError, match="it has 6 bytes, expected at most 5"):
        read_json(path, error=DataError, unreadable="check it", damaged="write it again", limit=5)
