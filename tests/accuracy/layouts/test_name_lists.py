"""Lists of names that divide the plain layout; VOC's are in test_voc.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeseg.accuracy.layouts import find_layout
from edgeseg.errors import DataError


def lay(folder: Path, lists: dict[str, str], *files: str) -> None:
    for name in (*lists, *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(lists.get(name, ""))


def pairs(folder: Path) -> dict[str | None, list[tuple[str, str]]]:
    layout = find_layout(folder)
    assert layout is not None
    assert layout.name == "plain"
    assert layout.unused == ()
    return {split: [(each.image.name, each.mask.name) for each in found()] for split, found in layout.splits.items()}


@pytest.mark.parametrize("place", ["", "splits/", "lists/", "ImageSets/Segmentation/"])
@pytest.mark.parametrize("lines", ["a\nb", "a.jpg\n\nb.jpg\n", "images/b.jpg\nimages/a.jpg", "a 1\nb -1", "a\r\nb\r\n"])
def test_names_divide_the_images(tmp_path: Path, place: str, lines: str) -> None:
    lists = {f"{place}train.txt": lines, f"{place}valid_list.txt": "c"}
    images = [f"images/{name}.jpg" for name in "abcd"]  # of which d is on no list and has no mask
    lay(tmp_path, lists, *images, *(f"masks/{name}_mask.png" for name in "abc"))
    found = pairs(tmp_path)
    assert {split: sorted(each) for split, each in found.items()} == {
        "train": [("a.jpg", "a_mask.png"), ("b.jpg", "b_mask.png")],
        "val": [("c.jpg", "c_mask.png")],
    }


def test_names_may_lead_through_folders(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "city/a\n", "val.txt": "town/a.png"}, *(
        f"{kind}/{place}/a.png" for kind in ("images", "masks") for place in ("city", "town")
    ))  # fmt: skip
    assert pairs(tmp_path) == {"train": [("a.png", "a.png")], "val": [("a.png", "a.png")]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a\nz", "train.txt names z, which is not in {}/images; add it or take it off the list"),
        ("a\nb", "train.txt names b, which is not in {}/masks; add it or take it off the list"),
        ("a 2017", None),
        ("a.jpg b.png\na", "train.txt names a.jpg b.png, which is not in {}/images; add it"),
    ],
)
def test_a_line_that_names_nothing(tmp_path: Path, lines: str, message: str | None) -> None:
    lay(tmp_path, {"train.txt": lines}, "images/a.jpg", "images/b.jpg", "masks/a.png", "masks/c.png")
    if message is None:
        assert pairs(tmp_path) == {"train": [("a.jpg", "a.png")]}
        return
    with pytest.raises(DataError, match=re.escape(message.format(tmp_path))):
        pairs(tmp_path)


def test_folders_of_splits_are_taken_before_lists(tmp_path: Path) -> None:
    names = ("train/a.png", "val/b.png")
    lay(tmp_path, {"train.txt": "b"}, *(f"{kind}/{name}" for kind in ("images", "masks") for name in names))
    assert pairs(tmp_path) == {"train": [("a.png", "a.png")], "val": [("b.png", "b.png")]}
