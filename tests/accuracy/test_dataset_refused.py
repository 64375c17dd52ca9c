"""Data sets that break the rules are refused, in a sentence that names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import DataError
from tests.accuracy.conftest import CLASSES, write


def remove_mask(folder: Path) -> None:
    (folder / "valannot" / "b.png").unlink()


def remove_image(folder: Path) -> None:
    (folder / "val" / "b.png").unlink()


def empty(folder: Path) -> None:
    for path in [*(folder / "val").iterdir(), *(folder / "valannot").iterdir()]:
        path.unlink()


def share_a_name(folder: Path) -> None:
    write(folder / "val" / "b.jpg", np.zeros((6, 8, 3), np.uint8))


def remove_split(folder: Path) -> None:
    empty(folder)
    (folder / "valannot").rmdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_mask, "val/b.png has no partner of that name in .*valannot.*in train.txt, with a classes.json"),
        (remove_image, "valannot/b.png has no partner of that name in .*val"),
        (empty, "val is empty"),
        (share_a_name, "share a name"),
        pytest.param(
            remove_split,
            "no split 'val', it has train",
            marks=pytest.mark.filterwarnings("ignore:.*/val has no labels and is not read"),
        ),
    ],
)
def test_a_split_that_breaks_the_rules_is_not_opened(
    camvid_like: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(camvid_like)
    with pytest.raises(DataError, match=message):
        Dataset.open(camvid_like, "val")


def wrong_size(folder: Path) -> None:
    write(folder / "valannot" / "a.png", np.zeros((8, 6), np.uint8))


def strange_id(folder: Path) -> None:
    write(folder / "valannot" / "a.png", np.full((6, 8), 12, np.uint8))


def strange_colour(folder: Path) -> None:
    write(folder / "valannot" / "a.png", np.full((6, 8, 3), (3, 2, 1), np.uint8))


def sixteen_bits(folder: Path) -> None:
    write(folder / "valannot" / "a.png", np.full((6, 8), 300, np.uint16))


def cut_off(folder: Path) -> None:
    (folder / "val" / "a.png").write_bytes((folder / "val" / "a.png").read_bytes()[:20])


def no_bytes(folder: Path) -> None:
    (folder / "val" / "a.png").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_size, "is 8x6, its mask .* 6x8"),
        (strange_id, "holds the id 12, expected 0 to 10 or 11"),
        (strange_colour, "holds the colour #010203"),
        (sixteen_bits, "holds the id 300, expected 0 to 10 or 11"),
        (cut_off, "cannot be decoded"),
        (no_bytes, "cannot be decoded"),
    ],
)
def test_a_file_that_breaks_the_rules_is_not_read(
    camvid_like: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(camvid_like)
    data = Dataset.open(camvid_like, "val")
    with pytest.raises(DataError, match=message):
        data.load(0)


def test_a_folder_that_is_not_there_or_holds_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        Dataset.open(tmp_path / "missing", "val")
    with pytest.raises(DataError, match="cannot read"):
        Dataset.open(tmp_path / ("x" * 300), "val")
    with pytest.raises(DataError, match="expected train/ and trainannot/, or images/ and masks/"):
        Dataset.open(tmp_path, "val")


def test_plain_layout_needs_masks_and_classes(plain: Path) -> None:
    (plain / "classes.json").unlink()
    with pytest.raises(DataError, match=r"no classes\.json"):
        Dataset.open(plain)
    (plain / "classes.json").write_text("{")
    with pytest.raises(DataError, match="not readable JSON"):
        Dataset.open(plain)
    (plain / "classes.json").write_text(json.dumps(CLASSES))
    (plain / "masks").rename(plain / "segmentations")
    with pytest.raises(DataError, match="resembles the layout plain, which also has masks"):
        Dataset.open(plain)


def test_a_split_is_named_where_there_are_several(camvid_like: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no split was named; .* has train, val: choose one of these"):
        Dataset.open(camvid_like)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="is no data set that edgeseg knows; expected train/"):
        Dataset.open(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": CLASSES["classes"][:1]}, "1 class, '.*', expected 2 to 255"),
        ({"classes": [*CLASSES["classes"], CLASSES["classes"][0]]}, "class names repeat"),
        ({"classes": [*CLASSES["classes"], {"name": "van", "colour": [64, 0, 128]}]}, "same colour"),
        ({"classes": [{"name": "road"}, {"name": "car"}]}, "no field 'colour'"),
        ({"classes": ["road", "car"]}, r"no colour for class 'road'; .* as \{.name.: .road., .colour.:"),
        ({"classes": [{"name": "road", "colour": [1, 2]}]}, "expected three integers"),
        ({"classes": [{"name": "road", "colour": [1, 2, 256]}]}, "expected three integers"),
        ({"ignore": 1}, "ignore id 1 must lie above"),
        ({"ignore": None}, "ignore_colour without an ignore id"),
        ({"ignore": "255"}, "expected an integer"),
    ],
)
def test_classes_that_do_not_hold_together(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(CLASSES | change))
    with pytest.raises(DataError, match=message):
        read_classes(path)
