"""Lists of an image and its mask in each line, as PaddleSeg, PIDNet, RELLIS-3D and DeepLab's VOC have them."""

from __future__ import annotations

import json
import time
import unicodedata
from pathlib import Path

import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.layouts import find_layout, nearest, voc
from edgeseg.errors import DataError, EdgeSegWarning

CLASSES = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]


def lay(folder: Path, lists: dict[str, str], *files: str) -> Path:
    """Empty files, lists and classes; listing them does not look into the files."""
    for file in (*files, *lists):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lists.get(file, ""), encoding="utf-8")
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES, "ignore": 255}))
    return folder


def pairs(folder: Path, split: str) -> list[tuple[str, str]]:
    """Paths in the data set; `Dataset.open` would look into the masks."""
    layout = find_layout(folder)
    assert layout is not None
    listed = layout.splits[split]()
    return [(str(each.image.relative_to(folder)), str(each.mask.relative_to(folder))) for each in listed]


@pytest.mark.parametrize(
    ("line", "image", "mask"),
    [
        ("jpg/a.jpg png/a_L.png", "jpg/a.jpg", "png/a_L.png"),
        ("jpg/a.jpg\tpng/a_L.png\r", "jpg/a.jpg", "png/a_L.png"),
        ("jpg/a.jpg,png/a_L.png", "jpg/a.jpg", "png/a_L.png"),
        ("jpg/a.jpg; png/a_L.png", "jpg/a.jpg", "png/a_L.png"),
        ("/jpg/a.jpg  /png/a_L.png ", "jpg/a.jpg", "png/a_L.png"),
        (r"jpg\a.jpg png\a_L.png", "jpg/a.jpg", "png/a_L.png"),
        ("my jpg/an a.jpg my png/an a.png", "my jpg/an a.jpg", "my png/an a.png"),
        (unicodedata.normalize("NFD", "é.jpg é.png"), "é.jpg", "é.png"),
    ],
)
def test_a_line_gives_a_pair(tmp_path: Path, line: str, image: str, mask: str) -> None:
    lay(tmp_path, {"train.lst": f"{line}\n\n{line}\n", "val_list.txt": line}, image, mask)
    assert splits(tmp_path) == ["train", "val"]
    assert pairs(tmp_path, "train") == pairs(tmp_path, "val") == [(image, mask)]


def test_paths_may_be_those_of_this_machine(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": f"{tmp_path}/jpg/a.jpg {tmp_path}/png/a.png"}, "jpg/a.jpg", "png/a.png")
    assert pairs(tmp_path, "train") == [("jpg/a.jpg", "png/a.png")]


def test_a_list_may_be_as_long_as_cocos(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "jpg/a.jpg png/a.png\n" + " " * 2**23}, "jpg/a.jpg", "png/a.png")
    assert pairs(tmp_path, "train") == [("jpg/a.jpg", "png/a.png")]


def test_a_text_that_is_no_list_is_passed_over_at_once(tmp_path: Path) -> None:
    """Each of its words had been looked up with all that follows it: 7 s for 20000 of them in a line."""
    lay(tmp_path, {"train.txt": "and so on " * 10000}, "images/a.jpg", "masks/a.png")
    began = time.process_time()
    layout = find_layout(tmp_path)
    assert time.process_time() - began < 2
    assert layout is not None
    assert layout.name == "plain"


def test_lists_divide_what_the_folders_do_not(tmp_path: Path) -> None:
    line = "images/{0}.jpg masks/{0}.png\n"
    lists = {"train.txt": line.format(0) + line.format(1), "val.txt": line.format(2), "train_log.txt": "loss 1.0"}
    lay(tmp_path, lists, *(f"images/{n}.jpg" for n in range(3)), *(f"masks/{n}.png" for n in range(3)))
    assert [mask for _, mask in pairs(tmp_path, "train")] == ["masks/0.png", "masks/1.png"]
    assert [mask for _, mask in pairs(tmp_path, "val")] == ["masks/2.png"]


def test_a_list_of_images_alone_is_told_where_it_would_have_labels(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "a.jpg a.png", "val.txt": "b.jpg", "test.txt": "c.jpg"}, "a.jpg", "a.png", "b.jpg")
    layout = find_layout(tmp_path)
    assert layout is not None
    assert [*layout.splits] == ["train"]
    (sentence,) = layout.unused
    assert sentence.startswith(f"{tmp_path / 'val.txt'} is not read")


@pytest.mark.parametrize("place", ["val", "images/validation"])
def test_a_folder_of_a_split_without_a_list_is_told(tmp_path: Path, place: str) -> None:
    """It was the split, before there was a list of another one."""
    lay(tmp_path, {"train.txt": "a.jpg a.png"}, "a.jpg", "a.png", f"{place}/b.jpg", "masks/test/c.png")
    layout = find_layout(tmp_path)
    assert layout is not None
    assert layout.unused == (f"{tmp_path / place} is there, but no val.txt gives its pairs: write one",)


def test_a_list_of_other_names_does_not_divide_the_plain_layout_without_a_word(tmp_path: Path) -> None:
    lay(tmp_path, {"val.txt": "c\n"}, "images/a.jpg", "masks/b.png")
    with (
        pytest.warns(EdgeSegWarning, match=r"val\.txt is not read: give each of its lines the paths of an image"),
        pytest.raises(DataError, match="no partner"),  # after the warning
    ):
        Dataset.open(tmp_path, "val")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a.jpg b.png", r"has the line 'a\.jpg b\.png', expected the paths of an image and its mask in"),
        ("a.jpg ../a.png", r"has the line 'a\.jpg \.\./a\.png', expected the paths"),
        ("a.jpg", r"has the line 'a\.jpg', expected the paths"),
        ("a.jpg c.png", r"train\.txt gives .*a\.jpg two masks"),
    ],
)
def test_a_line_that_gives_none(tmp_path: Path, lines: str, message: str) -> None:
    lay(tmp_path / "data", {"train.txt": f"a.jpg a.png\n{lines}\n"}, "a.jpg", "a.png", "c.png", "../a.png")
    with pytest.raises(DataError, match=message):
        pairs(tmp_path / "data", "train")


def test_two_lists_of_one_split_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "a.jpg a.png", "train_list.txt": "a.jpg a.png"}, "a.jpg", "a.png")
    with pytest.raises(DataError, match="both mean the split 'train'"):
        find_layout(tmp_path)


def test_lists_without_classes_leave_the_layout_as_it_is(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "train/a.png trainannot/a.png"}, "train/a.png", "trainannot/a.png")
    (tmp_path / "classes.json").unlink()
    layout = find_layout(tmp_path)
    assert layout is not None
    assert layout.name == "CamVid"


def test_lists_without_classes_are_named(tmp_path: Path) -> None:
    lay(tmp_path, {"train.txt": "a.jpg a.png", "val.txt": "a.jpg a.png"}, "a.jpg", "a.png")
    (tmp_path / "classes.json").unlink()
    assert nearest(tmp_path) == "it resembles the layout lists of pairs, which also has classes.json"


def test_classes_alone_resemble_the_plain_layout(tmp_path: Path) -> None:
    said = nearest(lay(tmp_path, {}, "train/rgb/a.jpg", "train/mask/a.png"))
    assert said.startswith("it resembles the layout plain, which also has images, masks; folders of any names do with")


@pytest.mark.parametrize(
    "files",
    [("train/a.jpg", "train/a-seg.png", "valid/b.jpg"), ("train/rgb/1.jpg", "train/semantic/1.png")],
)
def test_where_no_layout_is_near_lists_of_pairs_are_advised(files: tuple[str, ...], tmp_path: Path) -> None:
    """Those that have no more of CamVid's layout than a folder train."""
    lay(tmp_path, {}, *files)
    (tmp_path / "classes.json").unlink()
    assert "a list train.txt, each of whose lines gives the paths of an image and its mask" in nearest(tmp_path)
    (tmp_path / "trainannot").mkdir()
    (tmp_path / "train").rename(tmp_path / "images-of-train")
    assert nearest(tmp_path).startswith("it resembles the layout CamVid, which also has train; ")


def test_vocs_lists_may_give_paths(tmp_path: Path) -> None:
    line = "/JPEGImages/a.jpg /SegmentationClassAug/a.png\n"
    lay(tmp_path, {"ImageSets/Segmentation/trainaug.txt": line}, *line.replace("/", "", 1).replace(" /", " ").split())
    (tmp_path / "SegmentationClass").mkdir()
    layout = voc.find(tmp_path)
    assert layout is not None
    (pair,) = layout.splits["trainaug"]()
    assert pair.mask == tmp_path / "SegmentationClassAug/a.png"
    lay(tmp_path, {"ImageSets/Segmentation/trainaug.txt": f"a\n{line}"}, "SegmentationClass/a.png")
    with pytest.raises(DataError, match=r"trainaug\.txt gives .*a\.jpg two masks"):
        layout.splits["trainaug"]()
