"""Lists of classes as CamVid, CVAT, Kaggle and others have them, in place of a classes.json."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.layouts import find_layout, path_lists
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


def test_quotes_and_headings_are_no_part_of_a_name(tmp_path: Path) -> None:
    """A quoted "Void" had been a class."""
    (lay(tmp_path, "_labels") / "class_dict.csv").write_text(
        'class,red,green,blue\n"road works","128","64","128"\n"Void","0","0","0"\n"car","64","0","128"\n'
    )
    data = Dataset.open(tmp_path, "train")
    assert (data.classes.names, data.load(0)[1].tolist()) == (("road works", "car"), [[0, 255, 1]])


@pytest.mark.parametrize(
    ("name", "text", "names", "label"),
    [
        ("class_names.txt", "sky\n\nroad works \n", ("sky", "road works"), 1),
        ("labels.txt", "__ignore__\n_background_\nroad\ncar\n", ("_background_", "road", "car"), 1),
        ("classes.txt", "sky\nvoid\ncar\n", ("sky", "car"), 255),
        ("id2label.json", '{"0": "sky", "1": "unlabeled", "7": "car"}', ("sky", "car"), 255),
        ("id2label.json", '{"1": "sky", "0": "car", "2": "tree"}', ("car", "sky", "tree"), 1),
    ],
)
def test_a_list_of_names_tells_the_ids(
    tmp_path: Path, name: str, text: str, names: tuple[str, ...], label: int
) -> None:
    (lay(tmp_path, "_labels", level=1) / name).write_text(text)
    data = Dataset.open(tmp_path, "train")
    assert (data.classes.names, data.load(0)[1].tolist()) == (names, [[label] * 3])


def test_masks_of_two_names_may_be_black_and_white(tmp_path: Path) -> None:
    (lay(tmp_path, "_labels", level=255) / "classes.txt").write_text("sky\nroad\n")
    assert Dataset.open(tmp_path, "train").load(0)[1].tolist() == [[1, 1, 1]]


def test_lists_of_pairs_take_them_too(tmp_path: Path) -> None:
    """They had not been read, and the folders' pictures mixed."""
    lay(tmp_path, "_labels")
    for split in ("train", "val"):
        (tmp_path / f"{split}.txt").write_text(f"{split}/a.png {split}_labels/a.png\n")
    (tmp_path / "class_dict.csv").write_text(COLOURS["class_dict.csv"])
    layout = find_layout(tmp_path)
    assert layout is not None
    assert layout.name == path_lists.NAME
    assert Dataset.open(tmp_path, "val").load(0)[1].tolist() == [[0, 255, 1]]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("label_colors.txt", "1 2 3 road\n4 5 car\n", r"'4 5 car', expected red green blue name; correct it or"),
        ("label_colors.txt", "1 2 256 road\n", "'1 2 256 road', expected red"),
        ("label_colors.txt", "1 2 3 road\n4 5 6 road\n", "the class 'road' twice"),
        ("label_colors.txt", "1 2 3 road\n1 2 3 car\n", "road and car have the same colour"),
        ("class_dict.csv", "road;1;2;3\n", "'road;1;2;3', expected name,red,green,blue"),
        ("class_dict.csv", "name,r,g,b\n", "got 0 classes"),
        ("class_dict.csv", "road,1,2,3\nname,r,g,b\n", "'name,r,g,b', expected name,red"),
        ("labels.txt", "0: unlabeled\n1: person\n", "'0: unlabeled', expected in each the name of a class alone"),
        ("classes.txt", "1 2 3\n", "'1 2 3', expected in each the name"),
        ("id2label.json", '{"0": "road", "one": "car"}', "has 'one': 'car', expected an id of 0 to 65535 and a"),
        ("id2label.json", '{"0": "road", "70000": "car"}', "has '70000': 'car', expected an id of 0 to 65535"),
        ("id2label.json", '["road"]', "expected an object"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, name: str, text: str, message: str) -> None:
    (lay(tmp_path) / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path, "train")
