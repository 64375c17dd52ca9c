"""Where COCO's files are looked for, and what is passed over there."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts.coco_places import annotation_files


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("annotations/instances_Train2017.json", "Train"),
        ("annotations/instances_default.json", None),
        ("valid/_annotations.coco.json", "valid"),
        ("_annotations.coco.json", None),
    ],
)
def test_the_split_of_a_file(tmp_path: Path, file: str, split: str | None) -> None:
    for each in (file, ".trash/_annotations.coco.json", "annotations/._instances_val.json"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    assert list(annotation_files(tmp_path)) == [(split, tmp_path / file)]


@pytest.mark.parametrize("composed", [True, False])
def test_an_image_is_found_however_its_accents_are_written(tmp_path: Path, composed: bool) -> None:
    names = [unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")]
    stored, other = names if composed else names[::-1]
    image = tmp_path / "images" / stored
    image.parent.mkdir()
    image.touch()
    listed = {
        "images": [{"id": 1, "file_name": other, "width": 2, "height": 2}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_Train.json").write_text(json.dumps(listed))
    pytest.importorskip("pycocotools")  # opening reads the label
    assert [pair.image for pair in Dataset.open(tmp_path, "train").pairs] == [image]
