"""Label images beside their pictures, as Roboflow and DeepGlobe have them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.layouts import find_layout, known_layout
from edgeseg.errors import DataError

ROBOFLOW = "Pixel Value, Class\n0, background\n2, road works\n7, void\n"


def lay(folder: Path, classes: str | None = ROBOFLOW, end: str = "", colours: bool = False) -> Path:
    """Two splits of one picture each."""
    ids = np.array([[0, 2, 7]], np.uint8)
    for split in ("train", "valid"):
        (folder / split).mkdir()
        assert cv2.imwrite(str(folder / split / f"a{end}.jpg"), np.zeros((1, 3, 3), np.uint8))
        assert cv2.imwrite(str(folder / split / "a_mask.png"), cv2.merge([0 * ids, ids, ids]) if colours else ids)
        if classes is not None:
            (folder / split / "_classes.csv").write_text(classes)
    return folder


def test_roboflows_masks_have_the_ids_of_its_list(tmp_path: Path) -> None:
    assert splits(lay(tmp_path)) == ["train", "val"]
    data = Dataset.open(tmp_path, "val")
    assert (len(data), data.classes.names, data.classes.ignore) == (1, ("background", "road works"), 255)
    assert data.load(0)[1].tolist() == [[0, 1, 255]]


def test_deepglobes_masks_have_colours(tmp_path: Path) -> None:
    lay(tmp_path, None, "_sat", colours=True)
    with pytest.raises(DataError, match=r"no classes\.json; write one"):
        Dataset.open(tmp_path, "train")
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nland,0,0,0\nwater,2,2,0\nwood,7,7,0\n")
    assert Dataset.open(tmp_path, "train").load(0)[1].tolist() == [[0, 1, 2]]


def test_an_image_called_as_deepglobes_has_its_own_mask(tmp_path: Path) -> None:
    """Of a picture a_sat.jpg Roboflow's mask is a_sat_mask.png."""
    train = lay(tmp_path) / "train"
    for name in ("a_sat.jpg", "a_sat_mask.png"):
        (train / name).write_bytes((train / name.replace("_sat", "")).read_bytes())
    assert len(Dataset.open(tmp_path, "train")) == 2
    (train / "a_sat_mask.png").unlink()
    with pytest.raises(DataError, match=r"train/a_sat\.jpg has no partner"):
        Dataset.open(tmp_path, "train")


def test_a_classes_json_replaces_the_list(tmp_path: Path) -> None:
    classes = [{"name": name, "colour": [place, 0, 0], "id": place} for name, place in (("a", 0), ("b", 2), ("c", 7))]
    (lay(tmp_path) / "classes.json").write_text(json.dumps({"classes": classes, "ignore": None}))
    assert Dataset.open(tmp_path, "train").load(0)[1].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("file", ["b.jpg", "b_mask.png"])
def test_what_has_no_partner_is_named(tmp_path: Path, file: str) -> None:
    (lay(tmp_path) / "train" / file).touch()
    with pytest.raises(DataError, match=rf"train/{file} has no partner of that name in .*train \(1 file without one\)"):
        Dataset.open(tmp_path, "train")


def test_other_folders_with_masks_are_splits_too(tmp_path: Path) -> None:
    """They had been left out in silence."""
    (lay(tmp_path) / "valid").rename(tmp_path / "extra")
    assert splits(tmp_path) == ["extra", "train"]
    (tmp_path / "train").rename(tmp_path / "more")
    assert find_layout(tmp_path) is None


@pytest.mark.parametrize("place", [".", "benign"])
def test_any_folder_may_hold_both_where_there_are_classes(tmp_path: Path, place: str) -> None:
    lay(tmp_path)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name in ("a.jpg", "a_mask.png"):
        (tmp_path / "train" / name).rename(tmp_path / place / name)
    for split in ("train", "valid"):
        for path in (tmp_path / split).iterdir():
            path.unlink()
        (tmp_path / split).rmdir()
    assert find_layout(tmp_path) is None
    (tmp_path / "classes.txt").write_text("".join(f"class {number}\n" for number in range(8)))
    assert splits(tmp_path) == []
    assert Dataset.open(tmp_path).load(0)[1].tolist() == [[0, 2, 7]]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / place / "a.jpg").rename(tmp_path / "elsewhere/a.jpg")
    assert find_layout(tmp_path) is None


def test_a_split_without_masks_is_told(tmp_path: Path) -> None:
    (lay(tmp_path) / "valid/a_mask.png").unlink()
    assert splits(tmp_path) == ["train"]
    assert known_layout(tmp_path).unused == (
        f"{tmp_path}/valid has no labels and is not read: expected files called *_mask.png",
    )


@pytest.mark.parametrize(
    "text", ["h\n0, a\nb, 1\n", f"h\n0, a\n{'1' * 5000}, b\n", "h\n256, b\n", "h\n0, a\n0, b\n", ROBOFLOW + "8, more\n"]
)
def test_a_list_that_is_none(tmp_path: Path, text: str) -> None:
    (lay(tmp_path) / "valid/_classes.csv").write_text(text)
    with pytest.raises(DataError, match=r"valid/_classes\.csv is no list of ids .* the same in each split; export it"):
        Dataset.open(tmp_path, "train")
