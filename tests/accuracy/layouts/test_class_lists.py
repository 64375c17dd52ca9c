"""Lists of colours as CamVid, CVAT and Kaggle have them, in place of a classes.json."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.errors import DataError

COLOURS = {"label_colors.txt": "# ours\n128 64 128\troad works\n0 0 0 Void\n64 0 128 car\n"}
COLOURS["class_dict.csv"] = "name, r, g, b\nroad works,128, 64,128\nVoid,0,0,0\n\ncar,64,0,128\n"


def lay(folder: Path, masks: str = "annot", end: str = "", level: int | None = None) -> Path:
    """Two splits of one picture each, whose mask shows road works, void and a car, or is of one level."""
    colours = np.array([[[128, 64, 128], [0, 0, 0], [128, 0, 64]]], np.uint8)  # BGR; of road works the same
    mask = colours if level is None else np.full((1, 3), level, np.uint8)
    for split in ("train", "val"):
        picture = folder / split / "a.png", np.zeros((1, 3, 3), np.uint8)
        for path, image in (picture, (folder / f"{split}{masks}" / f"a{end}.png", mask)):
            path.parent.mkdir(parents=True)
            assert cv2.imwrite(str(path), image)
    return folder


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize(("masks", "end"), [("annot", ""), ("_labels", "_L"), ("_masks", "_mask")])
def test_a_list_of_colours_gives_the_classes(tmp_path: Path, name: str, masks: str, end: str) -> None:
    """CVAT's had been passed over, and its masks read as CamVid's 11 classes; Kaggle's CamVid was no data set."""
    (lay(tmp_path, masks, end) / name).write_text(COLOURS[name])
    assert splits(tmp_path) == ["train", "val"]
    data = Dataset.open(tmp_path, "train")
    assert (data.classes.names, data.classes.palette) == (("road works", "car"), ((128, 64, 128), (64, 0, 128)))
    assert data.load(0)[1].tolist() == [[0, 255, 1]]


def test_it_numbers_nothing(tmp_path: Path) -> None:
    """Of CamVid there are masks that hold 11 ids and lists of 32 colours, which do not go together."""
    (lay(tmp_path, level=1) / "label_colors.txt").write_text(COLOURS["label_colors.txt"])
    message = r"#010101, which no class has, expected #804080 road works, #400080 car; .* its ids are meant, write"
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path, "train").load(0)
    classes = [{"name": "bus", "colour": [1, 2, 3]}, {"name": "tram", "colour": [4, 5, 6]}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": None}))
    data = Dataset.open(tmp_path, "train")
    assert (data.classes.names, data.load(0)[1].tolist()) == (("bus", "tram"), [[1, 1, 1]])


def test_only_segnets_masks_are_camvids_without_a_list(tmp_path: Path) -> None:
    assert len(Dataset.open(lay(tmp_path / "a", level=1), "train").classes.names) == 11
    with pytest.raises(DataError, match=r"no classes\.json; write one"):
        Dataset.open(lay(tmp_path / "b", "_masks", level=1), "train")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("label_colors.txt", "1 2 3 road\n4 5 car\n", r"'4 5 car', expected red green blue name; correct it or"),
        ("label_colors.txt", "1 2 256 road\n", "'1 2 256 road', expected red"),
        ("label_colors.txt", "1 2 3 road\n4 5 6 road\n", "the class 'road' twice"),
        ("label_colors.txt", "1 2 3 road\n1 2 3 car\n", "road and car have the same colour"),
        ("class_dict.csv", "road;1;2;3\n", "'road;1;2;3', expected name,red,green,blue"),
        ("class_dict.csv", "name,r,g,b\n", "got 0 classes"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, name: str, text: str, message: str) -> None:
    (lay(tmp_path) / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path, "train")
