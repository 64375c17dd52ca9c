"""COCO's JSON: as its exporters lay it out, which object is on top, and what does not hold together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts.coco_outline import extent
from edgeseg.errors import DataError
from edgeseg.files import LARGEST_TEXT
from tests.accuracy.test_layouts import picture

COCO: dict[str, Any] = {
    "images": [{"id": 3, "file_name": "a.png", "width": 8, "height": 6}],
    "categories": [
        {"id": 0, "name": "things", "supercategory": "none"},
        {"id": 1, "name": "car", "supercategory": "things"},
        {"id": 2, "name": "sign", "supercategory": "things"},
    ],
    "annotations": [
        {"id": 1, "image_id": 3, "category_id": 2, "area": 4, "iscrowd": 0, "segmentation": [[2, 2, 4, 2, 4, 4, 2, 4]]},
        {"id": 2, "image_id": 3, "category_id": 1, "area": 9.5, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]]},
        {
            "id": 3,
            "image_id": 3,
            "category_id": 1,
            "area": 6,
            "iscrowd": 1,
            "segmentation": {"size": [6, 8], "counts": [42, 6]},
        },
    ],
}


@pytest.mark.parametrize(
    ("index", "image", "split"),
    [
        ("annotations/instances_train2017.json", "train2017/a.png", "train"),
        ("train/_annotations.coco.json", "train/a.png", "train"),
        ("annotations/instances_default.json", "images/default/a.png", None),
        ("result.json", "images/a.png", None),
    ],
    ids=["COCO", "Roboflow", "CVAT", "Label Studio"],
)
def test_coco_as_its_exporters_lay_it_out(tmp_path: Path, index: str, image: str, split: str | None) -> None:
    pytest.importorskip("pycocotools")
    picture(tmp_path / image, size=(6, 8))
    (tmp_path / index).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / index).write_text(json.dumps(COCO))
    data = Dataset.open(tmp_path, split)
    assert data.classes.names == ("background", "car", "sign")
    _, label = data.load(0)
    expected = np.zeros((6, 8), np.uint8)
    expected[:4, :6] = 1
    expected[2:4, 2:4] = 2  # the smaller object is on top
    expected[:, 7] = 255  # a crowd; run lengths go down the columns
    assert np.array_equal(label, expected)


@pytest.mark.parametrize(
    "supers", [{"person": "person", "vehicle": "none", "car": "vehicle"}, {"person": "person", "hat": "person"}]
)
def test_a_category_without_an_object_is_a_class_unless_it_is_the_parent_of_all(
    tmp_path: Path, supers: dict[str, str]
) -> None:
    """COCO's person is of the supercategory person: a val split without one had "different categories"."""
    listed = [{"id": n, "name": name, "supercategory": parent} for n, (name, parent) in enumerate(supers.items())]
    (tmp_path / "annotations").mkdir()
    for split, used in (("train", range(len(supers))), ("val", (len(supers) - 1,))):
        picture(tmp_path / f"{split}/a.png", size=(6, 8))
        objects = [{**COCO["annotations"][0], "category_id": each} for each in used]
        content = json.dumps(COCO | {"categories": listed, "annotations": objects})
        (tmp_path / f"annotations/instances_{split}.json").write_text(content)
        assert Dataset.open(tmp_path, split).classes.names == ("background", *supers)


def test_cocos_digest_follows_its_annotations(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png", size=(6, 8))
    (tmp_path / "result.json").write_text(json.dumps(COCO))
    pytest.importorskip("pycocotools")
    before = Dataset.open(tmp_path).digest
    (tmp_path / "result.json").write_text(json.dumps(COCO | {"annotations": COCO["annotations"][:2]}))
    assert Dataset.open(tmp_path).digest != before


@pytest.mark.parametrize("area", [None, 0, -1, "900", True])
@pytest.mark.parametrize("outline", ["polygons", "run lengths", "compressed run lengths"])
def test_the_larger_of_cocos_objects_is_behind_whatever_area_it_states(tmp_path: Path, outline: str, area: Any) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    data = json.loads(json.dumps(COCO | {"annotations": COCO["annotations"][:2]}))
    for each in data["annotations"]:  # the smaller one comes first
        each["area"] = area
        if outline != "polygons":
            runs = mask.frPyObjects(each["segmentation"], 6, 8)[0]
            each["segmentation"] = {"size": [6, 8], "counts": runs["counts"].decode()}
        if outline == "run lengths":
            covered = mask.decode(runs).ravel(order="F")
            ends = np.flatnonzero(np.diff(covered, prepend=0, append=0))
            each["segmentation"]["counts"] = np.diff(ends, prepend=0, append=48).tolist()
    picture(tmp_path / "images/a.png", size=(6, 8))
    (tmp_path / "result.json").write_text(json.dumps(data))
    _, label = Dataset.open(tmp_path).load(0)
    assert np.bincount(label.ravel()).tolist() == [24, 20, 4]


@pytest.mark.parametrize(
    "outline", [{"size": [24], "counts": "abc"}, {"size": [6, 8], "counts": "é"}, {"counts": []}, [[1.0]], None]
)
def test_an_outline_that_is_none_counts_little_and_is_named(tmp_path: Path, outline: Any) -> None:
    pytest.importorskip("pycocotools")
    assert extent({"segmentation": outline}) <= 48
    picture(tmp_path / "images/a.png", size=(6, 8))
    broken = {**COCO["annotations"][0], "segmentation": outline}
    (tmp_path / "result.json").write_text(json.dumps(COCO | {"annotations": [broken]}))
    with pytest.raises(DataError, match="outline that cannot be drawn"):
        Dataset.open(tmp_path).load(0)


def test_cocos_json_may_be_larger_than_files_for_people(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png", size=(6, 8))
    (tmp_path / "result.json").write_text(json.dumps(COCO | {"info": "x" * LARGEST_TEXT}))
    assert len(Dataset.open(tmp_path).pairs) == 1


def _lost(data: dict[str, Any]) -> None:
    data["images"][0]["file_name"] = "../../secret.png"


def _box(data: dict[str, Any]) -> None:
    data["annotations"][0]["segmentation"] = []


def _runs(data: dict[str, Any]) -> None:
    data["annotations"][2]["segmentation"]["counts"] = [1, 2]


def _category(data: dict[str, Any]) -> None:
    data["annotations"][0]["category_id"] = 9


def _file_twice(data: dict[str, Any]) -> None:
    data["images"].append(data["images"][0] | {"id": 4})


def _id_twice(data: dict[str, Any]) -> None:
    data["images"].append(data["images"][0] | {"file_name": "b.png"})


def _huge(data: dict[str, Any]) -> None:
    data["images"][0]["width"] = 10**9


def _negative(data: dict[str, Any]) -> None:
    data["images"][0] |= {"width": -8, "height": -6}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lost, r"secret\.png, which is not in"),
        (_box, "a box alone is no outline"),
        (_runs, "do not add up"),
        (_category, "category 9, which is not listed"),
        (_file_twice, r"image 4 is there twice, by its id or its file .*a\.png"),
        (_id_twice, r"image 3 is there twice, by its id or its file .*b\.png"),
        (_huge, "expected 1 to"),
        (_negative, "is -8x-6, expected 1 to"),
    ],
)
def test_coco_that_does_not_hold_together(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    pytest.importorskip("pycocotools")
    data = json.loads(json.dumps(COCO))
    spoil(data)
    for name in "ab":
        picture(tmp_path / f"images/{name}.png", size=(6, 8))
    picture(tmp_path.parent / "secret.png")
    (tmp_path / "result.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path).load(0)
