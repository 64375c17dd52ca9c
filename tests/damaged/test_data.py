"""Pictures, label images, and what describes a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.class_map import parse_map
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_file import read_label_image
from edgeseg.picture import read_picture
from tests.fuzz import byte_target, fuzz, json_target

DESCRIBED = {
    "classes": [{"name": "a", "colour": [1, 2, 3], "id": 0}, {"name": "b", "colour": [4, 5, 6], "id": [1, 2]}],
    "ignore": 255,
    "masks": "ids",
}

COCO: dict[str, Any] = {
    "images": [{"id": 3, "file_name": "a.png", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "car", "supercategory": "x"}, {"id": 2, "name": "sign", "supercategory": "x"}],
    "annotations": [
        {"id": 1, "image_id": 3, "category_id": 2, "area": 4, "iscrowd": 0, "segmentation": [[2, 2, 4, 2, 4, 4, 2, 4]]},
        {"id": 2, "image_id": 3, "category_id": 1, "segmentation": {"size": [6, 8], "counts": [42, 6]}},
        {"id": 3, "image_id": 3, "category_id": 1, "segmentation": {"size": [6, 8], "counts": "0`1"}},
    ],
}

PICTURE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def encoded(suffix: str, image: np.ndarray[Any, Any]) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_picture(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", str(1 << 20))
    file = tmp_path / f"picture{suffix}"
    fuzz("picture", file, byte_target(encoded(suffix, PICTURE)), lambda: read_picture(file))


@pytest.mark.parametrize("kind", ["grey", "bits", "colours", "deep", "tiff"])
def test_label(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", str(1 << 20))
    file = tmp_path / "label.png"
    content = {
        "grey": encoded(".png", PICTURE[..., 0]),
        "bits": bytes(cv2.imencode(".png", PICTURE[..., 0], [cv2.IMWRITE_PNG_BILEVEL, 1])[1]),
        "colours": encoded(".png", PICTURE),
        "deep": encoded(".png", PICTURE[..., 0].astype(np.uint16)),
        "tiff": encoded(".tiff", PICTURE[..., 0]),
    }[kind]
    fuzz("label", file, byte_target(content), lambda: read_label_image(file))


def test_class_map(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    fuzz("class_map", file, json_target({"a": "b", "c": ["d", "e"]}), lambda: parse_map([str(file)]))


def test_classes(tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    fuzz("classes", file, json_target(DESCRIBED), lambda: read_classes(file))


def test_coco(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(encoded(".png", PICTURE))
    file = tmp_path / "result.json"
    fuzz("coco", file, json_target(COCO), lambda: Dataset.open(tmp_path).load(0))


@pytest.mark.parametrize("layout", ["voc", "ade20k", "pairs"])
def test_list_of_a_data_set(layout: str, tmp_path: Path) -> None:
    ade20k = b"Idx\tRatio\tName\n1\t.1\twall\n2\t.1\tdoor, gate\n"
    images, masks, name, text = {
        "voc": ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation/train.txt", b"a\na\n"),
        "ade20k": ("images/train", "annotations/train", "objectInfo150.txt", ade20k),
        "pairs": ("jpg", "png", "train.txt", b"jpg/a.png png/a.png\n" * 2),
    }[layout]
    for folder in (images, masks):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").write_bytes(encoded(".png", PICTURE[..., 0] % 2))
    if layout == "pairs":
        (tmp_path / "classes.json").write_text(json.dumps(DESCRIBED))
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    fuzz(layout, file, byte_target(text), lambda: Dataset.open(tmp_path, "train").load(0))
