"""Masks of the plain layout: whether they hold ids, colours or black and white."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import DataError, EdgeSegWarning
from tests.accuracy.test_layouts import CLASSES, LABEL, describe, indexed, picture, write


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


@pytest.mark.parametrize("ignore", [None, 255])
@pytest.mark.parametrize("white", [255, 65535])
def test_a_mask_of_black_and_white_in_16_bits(white: int, ignore: int | None, tmp_path: Path) -> None:
    black_white = [{"name": "ground", "colour": [0, 0, 0]}, {"name": "person", "colour": [255, 255, 255]}]
    picture(tmp_path / "images/a.png")
    describe(tmp_path, classes=black_white, ignore=ignore)
    for mask in (LABEL, np.stack([LABEL] * 3, axis=2)):
        write(tmp_path / "masks/a.png", mask * np.uint16(white))
        assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("ignore", [None, 255])
def test_one_bit_is_black_and_white(ignore: int | None, suffix: str, tmp_path: Path) -> None:
    """As ids they had exchanged the classes where white comes first; of 8 bits the same masks had not."""
    white_black = [{"name": "person", "colour": [255, 255, 255]}, {"name": "ground", "colour": [0, 0, 0]}]
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes one bit")
    picture(tmp_path / "images/a.png")
    (tmp_path / "masks").mkdir()
    for bits in ("1", "L"):
        pillow.fromarray(LABEL * np.uint8(255)).convert(bits).save(tmp_path / f"masks/a{suffix}")
        describe(tmp_path, classes=white_black, ignore=ignore)
        assert np.array_equal(Dataset.open(tmp_path).load(0)[1], 1 - LABEL)
    described = [{**each, "id": number} for number, each in enumerate(white_black)]
    pillow.fromarray(LABEL * np.uint8(255)).convert("1").save(tmp_path / f"masks/a{suffix}")
    describe(tmp_path, classes=described, ignore=ignore, masks="ids")
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


def test_palettes_of_an_order_of_their_own_leave_the_colours(tmp_path: Path) -> None:
    """As programs number them that save few colours: by how many pixels each has. The indices had counted."""
    colours = [tuple(each["colour"]) for each in CLASSES]
    for name, ids, shown in (("a", LABEL, colours), ("b", 1 - LABEL, colours[::-1])):
        picture(tmp_path / f"images/{name}.png")
        indexed(tmp_path / f"masks/{name}.png", ids, shown)
    describe(tmp_path)
    assert all(np.array_equal(label, LABEL) for _, label in Dataset.open(tmp_path))
    describe(tmp_path, masks="ids")
    assert np.array_equal(Dataset.open(tmp_path).load(1)[1], 1 - LABEL)


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
