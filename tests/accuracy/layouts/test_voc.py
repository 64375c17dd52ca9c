"""VOC's lists as people and tools write them, and CVAT's labels beside them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, has_split, splits
from edgeseg.errors import DataError

LABELS = "# label:color_rgb:parts:actions\nroad:128,64,128::\n\ncar:64,0,128:wheel,door:turning\n"


def lay(folder: Path, lines: str, *names: str, split: str = "train") -> Path:
    """A picture and a mask of each name, and one list."""
    mask = np.array([[(128, 64, 128), (64, 0, 128)]], np.uint8)[..., ::-1]
    for name in names:
        for kind, content in (("JPEGImages", np.zeros_like(mask)), ("SegmentationClass", mask)):
            path = folder / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), content)
    lists = folder / "ImageSets/Segmentation"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / f"{split}.txt").write_text(lines)
    (folder / "labelmap.txt").write_text(LABELS)
    return folder


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a.jpg", "a"),
        ("my a", "my a"),
        ("my a.PNG", "my a"),
        ("city/a", "city/a"),
        ("a 1", "a"),
        ("v1.0", "v1.0"),
        (unicodedata.normalize("NFD", "é"), unicodedata.normalize("NFC", "é")),
        (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
    ],
)
def test_a_line_means_the_picture_that_is_there(tmp_path: Path, line: str, name: str) -> None:
    lay(tmp_path, f"{line}\n{line}\n", name)
    (pair,) = Dataset.open(tmp_path, "train").pairs
    assert pair.image == tmp_path / "JPEGImages" / f"{name}.png"
    assert pair.mask == tmp_path / "SegmentationClass" / f"{name}.png"


def test_what_is_not_there_is_named_as_it_is_listed(tmp_path: Path) -> None:
    lay(tmp_path, "my b\n", "a")
    with pytest.raises(DataError, match=r"names my b, which is not in .*JPEGImages"):
        Dataset.open(tmp_path, "train")
    lay(tmp_path, "b\n", "a", "b")
    mask = tmp_path / "SegmentationClass/b.png"
    mask.rename(mask.with_suffix(".gif"))
    with pytest.raises(DataError, match=r"names b, which is not in .*SegmentationClass; .*b\.gif is not read"):
        Dataset.open(tmp_path, "train")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a")
    (tmp_path / "JPEGImages/a.jpg").write_bytes((tmp_path / "JPEGImages/a.png").read_bytes())
    with pytest.raises(DataError, match=r"a\.jpg and .*a\.png share a name"):
        Dataset.open(tmp_path, "train")


def test_hidden_files_are_not_read(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a")
    (tmp_path / "ImageSets/Segmentation/._train.txt").write_bytes(b"\0\5\x16\7")
    (tmp_path / "JPEGImages/._a.png").write_bytes(b"\0\5\x16\7")
    assert splits(tmp_path) == ["train"]
    assert len(Dataset.open(tmp_path, "train")) == 1


def test_labelmap_gives_the_classes(tmp_path: Path) -> None:
    data = Dataset.open(lay(tmp_path, "a\n", "a"), "train")
    assert data.classes.names == ("road", "car")
    assert data.load(0)[1].tolist() == [[0, 1]]
    (tmp_path / "labelmap.txt").write_text("car:64,0,128::\nignored:128,64,128::\nroad:1,2,3::\n")
    data = Dataset.open(tmp_path, "train")
    assert data.classes.names == ("car", "road")
    assert data.load(0)[1].tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("road:1,2,3::\ncar\n", r"line 2 of .*labelmap\.txt is 'car', expected name:red,green,blue:parts:actions"),
        ("road:1,2::\n", "line 1"),
        ("road:1,2,256::\n", "line 1"),
        ("road\n", "line 1"),
        ("road:1,2,3::\nroad:4,5,6::\n", "the label 'road' twice"),
    ],
)
def test_a_labelmap_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    lay(tmp_path, "a\n", "a")
    (tmp_path / "labelmap.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path, "train")


def test_the_default_list_is_the_whole(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a", split="default")
    assert splits(tmp_path) == []
    assert has_split(tmp_path, "train")
    assert len(Dataset.open(tmp_path)) == 1


def test_a_default_list_beside_others_is_one_of_them(tmp_path: Path) -> None:
    lay(tmp_path, "a\nb\n", "a", "b", split="default")
    lay(tmp_path, "a\n", "a")
    assert splits(tmp_path) == ["default", "train"]
    assert not has_split(tmp_path, "val")  # half of the whole would be training pictures


def test_a_label_without_a_colour_has_vocs(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a")
    (tmp_path / "labelmap.txt").write_text("background:::\nroad:128,64,128::\ncar:64,0,128::\n")
    assert Dataset.open(tmp_path, "train").classes.palette[0] == (0, 0, 0)


def test_masks_of_ids_beside_a_labelmap(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a")
    assert cv2.imwrite(str(tmp_path / "SegmentationClass/a.png"), np.array([[0, 1]], np.uint8))
    assert Dataset.open(tmp_path, "train").label(0).tolist() == [[0, 1]]


def test_a_name_twice_matters_where_a_list_has_it(tmp_path: Path) -> None:
    lay(tmp_path, "a\n", "a", "b")
    assert cv2.imwrite(str(tmp_path / "JPEGImages/b.jpg"), np.zeros((1, 2, 3), np.uint8))
    assert len(Dataset.open(tmp_path, "train")) == 1
    lay(tmp_path, "a\nb\n")
    with pytest.raises(DataError, match="share a name"):
        Dataset.open(tmp_path, "train")


@pytest.mark.parametrize("masks", ["SegmentationClass", "SegmentationClassPNG"])
def test_labelmes_classes_are_its_own(tmp_path: Path, masks: str) -> None:
    """They had been read as VOC's 21, where somebody had added lists."""
    lay(tmp_path, "a\n", "a")
    (tmp_path / "SegmentationClass").rename(tmp_path / masks)
    (tmp_path / "SegmentationClass").mkdir(exist_ok=True)
    assert cv2.imwrite(str(tmp_path / masks / "a.png"), np.array([[0, 1, 255]], np.uint8))
    (tmp_path / "labelmap.txt").unlink()
    (tmp_path / "class_names.txt").write_text("_background_\nroad\n")
    for split in ("train", None):
        data = Dataset.open(tmp_path, split)
        assert data.classes.names == ("_background_", "road")
        assert data.label(0).tolist() == [[0, 1, 255]]
        (tmp_path / "ImageSets/Segmentation/train.txt").unlink(missing_ok=True)
