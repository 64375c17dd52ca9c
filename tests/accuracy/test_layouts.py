"""Data sets as people have them, made small: each layout is found, and its labels mean what their authors say."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.dataset import Dataset, has_split, splits
from edgeseg.accuracy.layouts import cityscapes, voc
from edgeseg.accuracy.layouts.coco_outline import extent
from edgeseg.errors import DataError, EdgeSegWarning
from edgeseg.files import LARGEST_TEXT

CLASSES: list[dict[str, Any]] = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]
LABEL = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)


def write(path: Path, image: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def picture(path: Path, level: int = 90, size: tuple[int, int] = (2, 3)) -> Path:
    return write(path, np.full((*size, 3), level, np.uint8))


def describe(folder: Path, **more: Any) -> None:
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES, "ignore": 255, **more}))


def test_plain_reads_folders_of_any_depth_and_usual_names_of_splits(tmp_path: Path) -> None:
    for name in ("train/a", "train/city/a", "train/city/deep/b", "valid/c"):
        picture(tmp_path / "images" / f"{name}.jpg")
        write(tmp_path / "masks" / f"{name}.png", LABEL)
    describe(tmp_path)
    assert splits(tmp_path) == ["train", "val"]
    data = Dataset.open(tmp_path, "train")
    assert [str(pair.image.relative_to(tmp_path / "images/train")) for pair in data.pairs] == [
        "a.jpg",
        "city/a.jpg",
        "city/deep/b.jpg",
    ]
    assert np.array_equal(Dataset.open(tmp_path, "val").load(0)[1], LABEL)


def test_a_flat_data_set_has_reproducible_halves(tmp_path: Path) -> None:
    for index in range(40):
        picture(tmp_path / "images" / f"{index}.png", index)
        write(tmp_path / "masks" / f"{index}.png", LABEL)
    describe(tmp_path)
    assert splits(tmp_path) == []
    assert has_split(tmp_path, "val")
    assert not has_split(tmp_path, "test")
    halves = [{pair.image.name for pair in Dataset.open(tmp_path, split).pairs} for split in ("train", "val")]
    assert not halves[0] & halves[1]
    assert len(halves[0] | halves[1]) == 40
    assert 2 <= len(halves[1]) <= 14
    picture(tmp_path / "images" / "new.png")
    write(tmp_path / "masks" / "new.png", LABEL)
    assert halves[1] <= {pair.image.name for pair in Dataset.open(tmp_path, "val").pairs} <= halves[1] | {"new.png"}
    with pytest.raises(DataError, match="not divided, and only its halves"):
        Dataset.open(tmp_path, "test")


def indexed(path: Path, indices: NDArray[np.uint8], palette: list[tuple[int, int, int]]) -> None:
    """A PNG with a palette, as VOC has them."""
    image = pytest.importorskip("PIL.Image", reason="Pillow writes the indexed PNG")
    made = image.fromarray(indices, "P") if not hasattr(image, "Palette") else image.fromarray(indices)
    made = made if made.mode == "P" else made.convert("L")
    made.putpalette([level for colour in palette for level in colour])
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)


def test_voc_reads_indices_not_colours(tmp_path: Path) -> None:
    label = np.array([[0, 15, 255], [20, 7, 0]], np.uint8)
    picture(tmp_path / "JPEGImages/2007_000032.jpg")
    indexed(tmp_path / "SegmentationClass/2007_000032.png", label, list(voc.palette(256)))
    lists = tmp_path / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n")
    data = Dataset.open(tmp_path, "train")
    assert data.classes.names[15] == "person"
    assert np.array_equal(data.load(0)[1], label)
    (lists / "train.txt").write_text("2007_000033\n")
    with pytest.raises(DataError, match=r"names 2007_000033, which is not in .*JPEGImages"):
        Dataset.open(tmp_path, "train")


def test_vocs_colours_are_the_development_kits() -> None:
    assert voc.palette(16)[1:4] == ((128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert voc.palette(16)[15] == (192, 128, 128)
    assert len(set(voc.palette(256))) == 256


def test_cityscapes_takes_the_trained_classes_out_of_the_label_ids(tmp_path: Path) -> None:
    name = "train/aachen/aachen_000000_000019"
    picture(tmp_path / f"leftImg8bit/{name}_leftImg8bit.png")
    write(tmp_path / f"gtFine/{name}_gtFine_labelIds.png", np.array([[7, 26, 0], [33, 3, 11]], np.uint8))
    write(tmp_path / f"gtFine/{name}_gtFine_color.png", np.zeros((2, 3, 3), np.uint8))
    data = Dataset.open(tmp_path, "train")
    assert len(data) == 1
    assert len(data.classes.names) == 19
    _, label = data.load(0)
    assert label.tolist() == [[0, 13, 255], [18, 255, 2]]
    assert [data.classes.names[each] for each in (0, 13, 18, 2)] == ["road", "car", "bicycle", "building"]
    assert len({number for number, _ in cityscapes.CLASSES.values()}) == 19


def test_ade20k_has_void_at_zero(tmp_path: Path) -> None:
    picture(tmp_path / "images/validation/ADE_val_1.jpg")
    write(tmp_path / "annotations/validation/ADE_val_1.png", np.array([[0, 1, 2], [2, 1, 0]], np.uint8))
    (tmp_path / "objectInfo150.txt").write_text("Idx\tRatio\tName\n1\t.1\twall\n2\t.1\tdoor, double door\n")
    data = Dataset.open(tmp_path, "val")
    assert data.classes.names == ("wall", "door")
    assert data.load(0)[1].tolist() == [[255, 0, 1], [1, 0, 255]]


def test_mmsegmentations_folders(tmp_path: Path) -> None:
    picture(tmp_path / "img_dir/train/a.png")
    write(tmp_path / "ann_dir/train/a.png", LABEL)
    with pytest.raises(DataError, match=r"neither classes\.json nor"):
        Dataset.open(tmp_path, "train")
    describe(tmp_path)
    assert np.array_equal(Dataset.open(tmp_path, "train").load(0)[1], LABEL)


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


def test_the_nearest_layout_is_named(tmp_path: Path) -> None:
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "SegmentationClass").mkdir()
    with pytest.raises(DataError, match=r"resembles the layout VOC, which also has ImageSets/Segmentation"):
        Dataset.open(tmp_path, "train")


def test_classes_may_be_numbered_in_any_way(tmp_path: Path) -> None:
    described = [{**CLASSES[0], "id": 1}, {**CLASSES[1], "id": [2, 300]}]
    picture(tmp_path / "images/a.png")
    write(tmp_path / "masks/a.png", np.array([[0, 1, 2], [300, 0, 1]], np.uint16))
    describe(tmp_path, classes=described, ignore=0)
    data = Dataset.open(tmp_path)
    assert data.classes.ignore == 255
    assert data.load(0)[1].tolist() == [[255, 0, 1], [1, 255, 0]]
    for classes, message in (
        ([{**CLASSES[0], "id": 1}, {**CLASSES[1], "id": 1}], "the id 1 two meanings"),
        ([{**CLASSES[0], "id": 1}, CLASSES[1]], 'class 1 has no "id"'),
        ([{**CLASSES[0], "id": -1}, CLASSES[1]], "expected an integer from 0 to 65535"),
    ):
        describe(tmp_path, classes=classes, ignore=0)
        with pytest.raises(DataError, match=message):
            Dataset.open(tmp_path)


def test_void_at_zero_without_ids_says_the_way_out(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    write(tmp_path / "masks/a.png", LABEL)
    describe(tmp_path, ignore=0)
    with pytest.raises(DataError, match='give each its "id"'):
        Dataset.open(tmp_path)


def test_a_grey_mask_of_black_and_white(tmp_path: Path) -> None:
    black_white = [{"name": "ground", "colour": [0, 0, 0]}, {"name": "person", "colour": [255, 255, 255]}]
    picture(tmp_path / "images/a.png")
    write(tmp_path / "masks/a.png", LABEL * np.uint8(255))
    describe(tmp_path, classes=black_white, ignore=None)
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
    write(tmp_path / "masks/a.png", LABEL)
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
    indexed_bits = cv2.imencode(".png", LABEL * np.uint8(255), [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
    (tmp_path / "masks/a.png").write_bytes(indexed_bits.tobytes())
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)


@pytest.mark.parametrize("level", [1, 255])
def test_a_foreground_that_is_rare_is_looked_for(tmp_path: Path, level: int) -> None:
    """White is no id that is ignored; and where ids are meant, a black mask is of the first class."""
    black_white = [{"name": "person", "colour": [255, 255, 255]}, {"name": "ground", "colour": [0, 0, 0]}]
    for index in range(60):
        picture(tmp_path / f"images/{index:02}.png")
        write(tmp_path / f"masks/{index:02}.png", LABEL * np.uint8(level if index == 59 else 0))
    describe(tmp_path, classes=black_white)
    data = Dataset.open(tmp_path)
    assert data.reading == ("ids" if level == 1 else "colours")
    assert np.array_equal(data.load(59)[1], LABEL if level == 1 else 1 - LABEL)


@pytest.mark.parametrize("palette", ["black", "swapped", "strange"])
def test_a_palette_does_not_change_ids(tmp_path: Path, palette: str) -> None:
    colours = [tuple(each["colour"]) for each in CLASSES]
    shown = {"black": [(0, 0, 0)] * 2, "swapped": colours[::-1], "strange": [(9, 9, 9), (8, 8, 8)]}[palette]
    picture(tmp_path / "images/a.png")
    indexed(tmp_path / "masks/a.png", LABEL, shown)
    describe(tmp_path)
    asked = pytest.warns(EdgeSegWarning, match='write "masks": "colours" or "ids"')
    with asked if palette == "swapped" else nullcontext():
        assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
    if palette == "swapped":
        describe(tmp_path, masks="ids")
        assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
        describe(tmp_path, masks="colours")
        assert np.array_equal(Dataset.open(tmp_path).load(0)[1], 1 - LABEL)


def test_indices_that_fit_no_class_leave_the_colours(tmp_path: Path) -> None:
    colours = [(1, 1, 1)] * 5 + [tuple(each["colour"]) for each in CLASSES]
    picture(tmp_path / "images/a.png")
    indexed(tmp_path / "masks/a.png", LABEL + np.uint8(5), colours)
    describe(tmp_path)
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
    describe(tmp_path, masks="ids")
    with pytest.raises(DataError, match=r'if its colours are meant, write "masks": "colours"'):
        Dataset.open(tmp_path).load(0)


@pytest.mark.parametrize("kind", ["grey as RGB", "RGBA", "sixteen bits"])
def test_lossless_masks_of_other_kinds(tmp_path: Path, kind: str) -> None:
    colours = np.array([each["colour"] for each in CLASSES], np.uint8)[LABEL][..., ::-1]
    mask: NDArray[Any] = {
        "grey as RGB": np.repeat(LABEL[..., None], 3, axis=2),
        "RGBA": np.concatenate([colours, np.full((*LABEL.shape, 1), 255, np.uint8)], axis=2),
        "sixteen bits": LABEL.astype(np.uint16),
    }[kind]
    picture(tmp_path / "images/a.png")
    write(tmp_path / "masks/a.png", mask)
    describe(tmp_path)
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)


def test_lossy_masks_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    write(tmp_path / "masks/a.jpg", LABEL)
    describe(tmp_path)
    with pytest.raises(DataError, match="alters class ids as it compresses"):
        Dataset.open(tmp_path)


def test_one_reading_holds_for_all_files(tmp_path: Path) -> None:
    """An all-black RGB mask among masks of ids as RGB is class 0, not the class that is black."""
    classes = Classes(("a", "b", "c"), ((9, 9, 9), (1, 2, 3), (0, 0, 0)))
    for name, level in (("0", 0), ("1", 1), ("2", 2)):
        picture(tmp_path / f"images/{name}.png")
        write(tmp_path / f"masks/{name}.png", np.full((2, 3, 3), level, np.uint8))
    listed = [{"name": n, "colour": list(c)} for n, c in zip(classes.names, classes.palette, strict=True)]
    describe(tmp_path, classes=listed, ignore=None)
    data = Dataset.open(tmp_path)
    assert [int(label.max()) for _, label in data] == [0, 1, 2]
