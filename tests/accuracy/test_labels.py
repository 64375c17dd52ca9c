"""Labels that may overlap: how their truth lies on disk, and the figures that follow from it, counted by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.check import check
from edgeseg.accuracy.check_page import page
from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.errors import DataError
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Head, Spec
from edgeseg.video.masks import MaskWriter

RUST = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], np.uint8)
CRACK = np.array([[0, 1, 1, 0], [0, 1, 1, 0]], np.uint8)


def write(path: Path, image: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def frame_of(masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame whose first channels are the masks, which `Painted` reads off."""
    frame = np.zeros((*masks.shape[1:], 3), np.uint8)
    frame[..., : len(masks)] = 200 * masks.transpose(1, 2, 0)
    return frame


class Painted:
    """An engine that reads each label off a channel of the frame, one logit a pixel."""

    name, threads = "painted", 1

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.ascontiguousarray(tensor[..., :2].transpose(0, 3, 1, 2)).astype(np.float32) - 100

    def close(self) -> None:
        pass


@pytest.fixture
def overlapping(spec: Spec) -> Spec:
    head = Head("multi-label", exclusive=False)
    colours = ((255, 0, 0), (0, 255, 0))
    return replace(spec, width=4, height=2, stride=1, classes=("rust", "crack"), palette=colours, head=head)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two images; of the second the network sees no crack, and rust that is not there."""
    seen = [np.stack([RUST, CRACK]), np.stack([RUST, np.zeros_like(CRACK)])]
    true = [np.stack([RUST, CRACK]), np.stack([np.zeros_like(RUST), CRACK])]
    for index, (masks, labels) in enumerate(zip(seen, true, strict=True)):
        write(tmp_path / "images" / f"{index}.png", frame_of(masks))
        for name, label in zip(("rust", "crack"), labels, strict=True):
            write(tmp_path / "masks" / name / f"{index}.png", 255 * label)
    return tmp_path


def test_figures_counted_by_hand(folders: Path, overlapping: Spec) -> None:
    data = Dataset.open(folders)
    calls: list[tuple[int, int]] = []
    result = evaluate(Segmenter(overlapping, Painted()), data, progress=lambda done, of: calls.append((done, of)))
    # rust: TP 4, FP 4. crack: TP 4, FN 4.
    assert result.iou == {"rust": 50, "crack": 50}
    assert result.miou == 50
    assert result.pixel_accuracy == 100 * 24 / 32
    assert result.class_accuracy == 75
    # rust's contour in the first image is met; the second's labels have none. Of crack's two contours one is met.
    assert result.class_boundary_f1 == {"rust": 100, "crack": 50}
    assert result.boundary_f1 == (100 + 0) / 2
    assert (result.images, result.data_sha256) == (2, data.digest)
    assert calls == [(1, 2), (2, 2)]


def test_a_matrix_is_one_binary_matrix_a_label() -> None:
    matrix = LabelMatrix(("rust", "crack", "dent"))
    nothing = np.zeros_like(RUST)
    matrix.add(np.stack([RUST, RUST, nothing]), np.stack([CRACK, RUST * VOID, nothing]), ignore=VOID)
    # rust: TP 2, FP 2, FN 2. crack: where its truth is void nothing counts. dent does not occur.
    np.testing.assert_allclose(matrix.iou, [100 * 2 / 6, np.nan, np.nan])
    assert matrix.miou == pytest.approx(100 / 3)
    assert matrix.class_accuracy == 50
    assert matrix.pixel_accuracy == pytest.approx(100 * (4 + 4 + 8) / (8 + 4 + 8))
    assert math.isnan(LabelMatrix(("rust",)).pixel_accuracy)
    with pytest.raises(DataError, match="of 3 labels"):
        matrix.add(np.stack([RUST]), np.stack([RUST]), ignore=VOID)


def test_a_folder_for_each_label_with_splits(tmp_path: Path) -> None:
    for name in ("train/a", "train/deep/b", "valid/c"):
        write(tmp_path / "images" / f"{name}.jpg", frame_of(np.stack([RUST, CRACK])))
        write(tmp_path / "masks" / "rust" / f"{name}.png", RUST)  # 0 and 1
        write(tmp_path / "masks" / "car%2Fvan" / f"{name}.png", 255 * CRACK)
    assert splits(tmp_path) == ["train", "val"]
    data = Dataset.open(tmp_path, "train")
    assert data.classes.names == ("car/van", "rust")
    frame, masks = data.load_masks(1, ("rust", "car/van"))
    assert frame.shape == (2, 4, 3)
    assert np.array_equal(masks, np.stack([RUST, CRACK]))
    with pytest.raises(DataError, match="mask of one label of 2, which may overlap"):
        data.load(0)


def test_what_a_run_writes_is_read_again(tmp_path: Path) -> None:
    masks = np.stack([RUST, CRACK])
    writer = MaskWriter(tmp_path / "masks")
    writer.write(masks, 0, "a", ("old rust", "crack"))
    writer.close()
    write(tmp_path / "images" / "a.png", frame_of(masks))
    assert np.array_equal(Dataset.open(tmp_path).load_masks(0, ("old rust", "crack"))[1], masks)


def test_one_class_a_pixel_says_it_too(tmp_path: Path, overlapping: Spec) -> None:
    ids = np.array([[0, 1, 2, 255], [0, 1, 2, 255]], np.uint8)
    write(tmp_path / "images" / "a.png", np.zeros((2, 4, 3), np.uint8))
    write(tmp_path / "masks" / "a.png", ids)
    classes = [{"name": name, "colour": [level, 0, 0]} for level, name in enumerate(("ground", "crack", "rust"))]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    _, masks = LabelDataset.of(Dataset.open(tmp_path), overlapping).load(0)
    assert masks[0].tolist() == [[0, 0, 1, VOID]] * 2
    assert masks[1].tolist() == [[0, 1, 0, VOID]] * 2


def test_cocos_objects_hide_nothing(tmp_path: Path, overlapping: Spec) -> None:
    pytest.importorskip("pycocotools")

    def box(left: int, right: int) -> list[list[int]]:
        return [[left, 0, right, 0, right, 2, left, 2]]

    crowd = {"size": [2, 4], "counts": [6, 2]}  # the last column
    objects = [(1, box(0, 3), 0), (2, box(1, 2), 0), (2, crowd, 1)]
    write(tmp_path / "images" / "a.png", np.zeros((2, 4, 3), np.uint8))
    (tmp_path / "annotations.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 2}],
                "categories": [{"id": 1, "name": "rust"}, {"id": 2, "name": "crack"}],
                "annotations": [
                    {"id": each, "image_id": 1, "category_id": category, "segmentation": outline, "iscrowd": crowded}
                    for each, (category, outline, crowded) in enumerate(objects)
                ],
            }
        )
    )
    _, masks = LabelDataset.of(Dataset.open(tmp_path), overlapping).load(0)
    assert masks.tolist() == [[[1, 1, 1, 0]] * 2, [[0, 1, 0, VOID]] * 2]


def test_masks_are_turned_as_their_picture(tmp_path: Path) -> None:
    """EXIF says that the picture is shown turned; the masks were drawn on its stored pixels."""
    image = pytest.importorskip("PIL.Image", reason="Pillow writes the orientation")
    stored = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    exif = image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    image.fromarray(stored).save(tmp_path / "images" / "a.png", exif=exif)
    for name, mask in (("rust", RUST), ("crack", CRACK)):
        write(tmp_path / "masks" / name / "a.png", mask)
    frame, masks = Dataset.open(tmp_path).load_masks(0, ("rust", "crack"))
    assert frame.shape[:2] == (4, 2)
    assert np.array_equal(masks, np.stack([np.rot90(mask, 3) for mask in (RUST, CRACK)]))


def test_what_is_no_mask_of_a_label(folders: Path, overlapping: Spec) -> None:
    path = folders / "masks" / "rust" / "0.png"
    for mask, message in (
        (np.array([[0, 3, 255, 255]] * 2, np.uint8), "holds the levels 0, 3, 255, expected 0 and one other"),
        (np.stack([RUST, CRACK, RUST], axis=-1), "holds colours"),
        (RUST[:1], "differ in size"),
    ):
        write(path, mask)
        with pytest.raises(DataError, match=message):
            evaluate(Segmenter(overlapping, Painted()), Dataset.open(folders))
    path.unlink()
    with pytest.raises(DataError, match="has no partner of that name"):
        Dataset.open(folders)


def test_a_label_that_the_data_lacks(folders: Path, overlapping: Spec) -> None:
    other = replace(overlapping, classes=("rust", "dent"))
    with pytest.raises(DataError, match="has the classes crack, rust; bundle tiny also has dent"):
        evaluate(Segmenter(other, Painted()), Dataset.open(folders))


def test_a_check_counts_each_label_by_itself(folders: Path) -> None:
    report = check(folders)
    assert report.findings == ()
    survey = report.splits[0].survey
    # In two images of eight pixels: crack twice four, rust once four.
    assert report.classes.names == ("crack", "rust")
    assert [survey.share(index) for index in range(2)] == [0.5, 0.25]
    assert survey.ignored == 0
    assert "<img" in page(report)
    write(folders / "masks" / "rust" / "0.png", np.zeros_like(RUST))
    assert check(folders).faults == ["the class has no labelled pixel: rust"]
