from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from edgeseg.accuracy.class_map import ClassMap
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate, evaluation_table
from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.bundle import Bundle
from edgeseg.errors import DataError, EdgeSegWarning
from edgeseg.measured import Evaluation
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Spec


class Painted:
    """An engine that reads the class off the frame: level 10 * class, one logit a pixel."""

    name, threads = "painted", 1

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        ids = tensor[0, :, :, 0] // 10
        logits = np.zeros((1, 3, *ids.shape), np.float32)
        for each in range(3):
            logits[0, each][ids == each] = 1
        return logits

    def close(self) -> None:
        pass


@pytest.fixture
def painted(spec: Spec) -> Segmenter:
    return Segmenter(replace(spec, width=4, height=2, stride=1), Painted())


@pytest.fixture
def data(tmp_path: Path, spec: Spec) -> Dataset:
    """Two images: the first is segmented rightly, the second is all road."""
    first = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
    pairs = [(first, first), (np.zeros((2, 4), np.uint8), np.array([[0, 0, 0, 0], [1, 1, 255, 255]], np.uint8))]
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for at, (mask, label) in enumerate(pairs):
        cv2.imwrite(str(tmp_path / "images" / f"{at}.png"), np.repeat(10 * mask[..., None], 3, axis=2))
        cv2.imwrite(str(tmp_path / "masks" / f"{at}.png"), label)
    classes = [{"name": name, "colour": colour} for name, colour in zip(spec.classes, spec.palette, strict=True)]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return Dataset.open(tmp_path)


def test_figures_counted_by_hand(painted: Segmenter, data: Dataset) -> None:
    calls: list[tuple[int, int]] = []
    result = evaluate(painted, data, progress=lambda done, of: calls.append((done, of)))
    # road: TP 4 + 4, FP 2.  car: TP 4, FN 2.  sky: in no label, in no mask.
    assert [result.iou[name] for name in ("road", "car")] == pytest.approx([80, 100 * 4 / 6])
    assert result.miou == pytest.approx((80 + 100 * 4 / 6) / 2)
    assert result.pixel_accuracy == pytest.approx(100 * 12 / 14)
    assert result.class_accuracy == pytest.approx((100 + 100 * 4 / 6) / 2)
    # first image: every contour is met.  second: labels have a contour, the mask has none; its sky is in neither.
    assert [result.class_boundary_f1[name] for name in ("road", "car")] == [50, 50]
    assert math.isnan(result.class_boundary_f1["sky"])
    assert result.boundary_f1 == 50
    assert (result.images, result.split, result.data_sha256) == (2, None, data.digest)
    assert calls == [(1, 2), (2, 2)]


def test_json_and_table(painted: Segmenter, data: Dataset) -> None:
    result = evaluate(painted, data)
    figures = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert figures["iou"] == {"road": 80.0, "car": 66.6667, "sky": None}
    assert figures["miou"] == 73.3333
    assert figures["boundary_f1"] == 50
    assert figures["class_boundary_f1"] == {"road": 50, "car": 50, "sky": None}
    console = Console(width=60)
    with console.capture() as captured:
        console.print(evaluation_table(result))
    assert "73.33" in captured.get()


def test_other_classes_are_mapped_by_name_and_said(painted: Segmenter, data: Dataset) -> None:
    fewer = replace(data, classes=replace(data.classes, names=("CAR", "road", "boat")))
    with pytest.warns(EdgeSegWarning) as warned:
        result = evaluate(painted, fewer)
    said = " / ".join(str(each.message) for each in warned)
    assert "2 classes enter the mean: CAR, road" in said
    assert "the data's boat are left out" in said
    assert "the network's sky are in no label" in said
    assert list(result.iou) == ["CAR", "road"]
    assert (result.renamed, result.left_over) == (None, (("sky",), ("boat",)))
    # Labels are 0 on 8 pixels (CAR there), 1 on 6 (road); the network paints road on the first image's 0, and on all
    # of the second, car on the first image's 1.
    assert [result.iou["CAR"], result.iou["road"]] == pytest.approx([0, 100 * 2 / (6 + 8)])
    back: Evaluation = Evaluation.from_json(json.loads(json.dumps(result.to_json())), "here")
    assert back.left_over == result.left_over
    class_map = ClassMap.of(painted.spec.classes, fewer.classes.names, (("sky", "boat"), ("car", "boat")))
    assert evaluate(painted, fewer, class_map=class_map).renamed == {"boat": ("car", "sky")}


def test_a_foreground_that_is_ignored_is_said(painted: Segmenter, data: Dataset) -> None:
    two = replace(data, classes=replace(data.classes, names=("road", "car"), palette=data.classes.palette[:2]))
    for pair in two.pairs:
        cv2.imwrite(str(pair.mask), np.array([[0, 0, 255, 255]] * 2, np.uint8))
    with pytest.warns(EdgeSegWarning) as warned:
        evaluate(painted, two)
    said = " / ".join(str(each.message) for each in warned)
    assert "every pixel is road or ignored: is the foreground ignored" in said


def test_a_split_of_which_no_pixel_counts_is_refused(painted: Segmenter, data: Dataset) -> None:
    for pair in data.pairs:
        cv2.imwrite(str(pair.mask), np.full((2, 4), 255, np.uint8))
    with pytest.raises(DataError, match="no pixel that counts in the whole: all are ignored"):
        evaluate(painted, Dataset.open(data.folder))


def test_classes_without_a_common_name_are_refused(painted: Segmenter, data: Dataset) -> None:
    with pytest.raises(DataError, match="no class of the data"):
        evaluate(painted, replace(data, classes=replace(data.classes, names=("a", "b", "c"))))


def test_a_bad_file_ends_the_evaluation(painted: Segmenter, data: Dataset) -> None:
    cv2.imwrite(str(data.pairs[1].mask), np.full((2, 4), 7, np.uint8))
    with pytest.raises(DataError, match="holds the id 7"):
        evaluate(painted, data)


def test_real_images_through_an_artifact(
    tmp_path: Path, camvid: Path, spec: Spec, make_bundle: Callable[..., Bundle]
) -> None:
    whole = Dataset.open(camvid, "val")
    few = Dataset(whole.folder, whole.split, whole.classes, whole.pairs[:4])
    road = replace(spec, width=240, height=180, classes=CAMVID.names, palette=CAMVID.palette, ignore=11)
    model = load(make_bundle(tmp_path / "tiny", road), threads=1)
    result: Evaluation = evaluate(model, few)
    pixels = right = 0
    for frame, label in few:
        counted = label != 11
        pixels += int(counted.sum())
        right += int((model(frame) == label)[counted].sum())
    assert result.pixel_accuracy == pytest.approx(100 * right / pixels)
    assert 0 < result.miou < 50
