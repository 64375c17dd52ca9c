"""What classes.json means, and what it may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.errors import DataError

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 1), (0, 0, 0)
TWO = Classes(("a", "b"), (RED, GREEN))
FILE: dict[str, Any] = {
    "classes": [{"name": "a", "colour": list(RED)}, {"name": "b", "colour": list(GREEN)}],
    "ignore": None,
}


def write(tmp_path: Path, **change: Any) -> Path:
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({**FILE, **change}))
    return path


def test_a_file_says_all_that_classes_are(tmp_path: Path) -> None:
    assert read_classes(write(tmp_path)) == TWO
    told = read_classes(write(tmp_path, ignore=7, ignore_colour=[0, 0, 0], masks="colours"))
    assert told == Classes(("a", "b"), (RED, GREEN), 7, BLACK, None, "colours")
    assert read_classes(write(tmp_path, ignore_colour=None, masks=None)) == TWO


def with_ids(*ids: Any) -> list[dict[str, Any]]:
    """The file's classes with these ids; None is none."""
    pairs = zip(FILE["classes"], ids, strict=True)
    return [each if number is None else {**each, "id": number} for each, number in pairs]


@pytest.mark.parametrize(
    ("ids", "ignore", "expected"),
    [
        ((0, 65535), None, ({0: 0, 65535: 1}, None)),
        (([5, 6], 1), None, ({5: 0, 6: 0, 1: 1}, None)),
        ((1, 2), 0, ({0: 255, 1: 0, 2: 1}, 255)),
        ((1, 2), [0, 9], ({0: 255, 9: 255, 1: 0, 2: 1}, 255)),
        ((1, 2), -1, ({255: 255, 65535: 255, 1: 0, 2: 1}, 255)),
        ((1, 255), [-1, 0], ({65535: 255, 0: 255, 1: 0, 255: 1}, 255)),
        ((None, None), 65535, ({65535: 255, 0: 0, 1: 1}, 255)),
        ((None, None), -1, ({255: 255, 65535: 255, 0: 0, 1: 1}, 255)),
        ((None, None), [7, 9], ({7: 255, 9: 255, 0: 0, 1: 1}, 255)),
    ],
)
def test_files_may_number_classes_in_a_way_of_their_own(
    ids: tuple[Any, ...], ignore: Any, expected: tuple[dict[int, int], int | None], tmp_path: Path
) -> None:
    classes = read_classes(write(tmp_path, classes=with_ids(*ids), ignore=ignore))
    assert (classes.ids, classes.ignore) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": with_ids(1, 65536)}, r"id of class 1 is 65536, expected an integer from 0 to 65535"),
        ({"classes": with_ids(-1, 1)}, "id of class 0 is -1"),
        ({"classes": with_ids(0, True)}, "is True, expected an integer"),
        ({"classes": with_ids(0, [])}, r"is \[\], expected an integer"),
        ({"classes": with_ids(0, [1, "2"])}, "expected an integer"),
        ({"classes": with_ids(0, [1, 65536])}, "expected an integer"),
        ({"classes": with_ids(3, None)}, 'class 1 has no "id", and others have'),
        ({"classes": with_ids(None, 3)}, 'class 0 has no "id", and others have'),
        ({"classes": with_ids([1, 2, 2], 0)}, "gives the id 2 two meanings"),
        ({"classes": with_ids(0, 1), "ignore": 1}, "gives the id 1 two meanings"),
        ({"classes": with_ids(0, 1), "ignore": -2}, "ignore is -2"),
        ({"ignore": [0, 9]}, "gives the id 0 two meanings"),
        ({"masks": "grey"}, '"masks": "grey", expected "ids" or "colours"'),
        ({"ignore": 7, "ignore_colour": [0, 0]}, r"has the colour \[0, 0\], expected three integers from 0 to 255"),
        ({"ignore": 7, "ignore_colour": [0, 0, 0, 0]}, "expected three integers"),
        ({"ignore": 7, "ignore_colour": [0, -1, 0]}, "expected three integers"),
        ({"ignore": 7, "ignore_colour": [0, 256, 0]}, "expected three integers"),
        ({"ignore": 7, "ignore_colour": [0, 1.0, 0]}, "expected three integers"),
    ],
)
def test_a_file_that_does_not_hold_together(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_classes(write(tmp_path, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": [{**each, "Id": 1} for each in FILE["classes"]]}, 'class 0 has the field "Id".* expected "id"'),
        ({"classes": [{"name": "a", "color": [1, 2, 3]}]}, 'class 0 has the field "color".* expected "colour"; rename'),
        ({"mask": "colours"}, 'has the field "mask", which is not read, expected "masks"'),
        ({"ignore_color": [0, 0, 0]}, 'has the field "ignore_color".* expected "ignore_colour"'),
    ],
)
def test_a_misspelt_field_is_not_passed_over(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_classes(write(tmp_path, **change))


def test_other_fields_are_remarks(tmp_path: Path) -> None:
    remarks = {"name_de": "x", "trainId": 3, "uid": "5f", "idx": 7, "supercategory": "y", "color": [9, 9, 9]}
    entries = [{**each, **remarks} for each in FILE["classes"]]
    described = write(tmp_path, classes=entries, description="", version=1, ignore_label=3)
    assert read_classes(described) == read_classes(write(tmp_path))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check its permissions"):
        read_classes(tmp_path / "missing.json")
    path = write(tmp_path)
    path.write_text("{")
    with pytest.raises(DataError, match="not readable JSON"):
        read_classes(path)
