"""A list that repeats others is no leak, and is not written twice."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.check import check
from edgeseg.accuracy.convert import convert

LABELS = "road:128,64,128::\ncar:64,0,128::\n"
LABEL = np.array([[(128, 64, 128), (64, 0, 128)]], np.uint8)[..., ::-1]


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Three labelled images in VOC's layout, of which two are for training."""
    folder = tmp_path / "voc"
    for kind in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / kind).mkdir(parents=True)
    for index, name in enumerate("abc"):
        cv2.imwrite(str(folder / f"JPEGImages/{name}.png"), np.full_like(LABEL, index))
        cv2.imwrite(str(folder / f"SegmentationClass/{name}.png"), LABEL)
    (folder / "labelmap.txt").write_text(LABELS)
    make_lists(folder, train="ab", val="c")
    return folder


def make_lists(folder: Path, **lists: str) -> None:
    for split, names in lists.items():
        (folder / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(names))


def test_trainval_is_neither_a_leak_nor_written_again(voc: Path, tmp_path: Path) -> None:
    make_lists(voc, trainval="abc")
    report = check(voc)
    assert report.findings == ()
    assert [split.name for split in report.splits] == ["train", "val"]
    assert convert(voc, tmp_path / "plain") == 3
    assert sorted(path.name for path in (tmp_path / "plain/images").iterdir()) == ["train", "val"]


def test_trainval_may_be_train_alone(voc: Path) -> None:
    (voc / "ImageSets/Segmentation/val.txt").unlink()
    make_lists(voc, trainval="ab", again="ab")
    report = check(voc)
    assert not report.faults
    assert [split.name for split in report.splits] == ["train"]


@pytest.mark.parametrize("lists", [{"val": "bc"}, {"night": "b"}, {"val": "bc", "trainval": "abc"}])
def test_lists_that_share_some_images_are_a_leak(voc: Path, lists: dict[str, str]) -> None:
    make_lists(voc, **lists)
    assert any(" shares " in fault for fault in check(voc).faults)


def test_the_training_split_stays_where_other_lists_divide_it(voc: Path) -> None:
    make_lists(voc, day="a", night="b")
    assert [split.name for split in check(voc).splits] == ["day", "night", "train", "val"]
