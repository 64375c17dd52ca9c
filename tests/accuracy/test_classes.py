"""What label images mean: numbers and colours, and which of both a file gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.label_file import LabelImage
from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.errors import DataError

PATH = Path("mask.png")
RED, GREEN, BLACK, WHITE = (255, 0, 0), (0, 255, 1), (0, 0, 0), (255, 255, 255)
TWO = Classes(("a", "b"), (RED, GREEN))


def by_id(*ids: int, dtype: Any = np.uint8) -> LabelImage:
    return LabelImage(np.array([ids], dtype), None, True)


def by_colour(*colours: tuple[int, int, int]) -> LabelImage:
    return LabelImage(None, np.array([colours], np.uint8), False)


def both(ids: list[int], colours: list[tuple[int, int, int]], *, one_channel: bool) -> LabelImage:
    return LabelImage(np.array([ids], np.uint8), np.array([colours], np.uint8), one_channel)


def labels(classes: Classes, image: LabelImage) -> list[int]:
    label = classes.label(image, PATH)
    assert label.dtype == np.uint8
    assert label.shape[0] == 1
    return [int(each) for each in label[0]]


def numbered(count: int, ignore: int | None = None) -> Classes:
    return Classes(tuple(map(str, range(count))), tuple((0, 0, each) for each in range(count)), ignore)


@pytest.mark.parametrize(("count", "ignore"), [(2, None), (255, None), (255, 255), (2, 2), (2, 255)])
def test_as_many_classes_as_masks_can_hold(count: int, ignore: int | None) -> None:
    ids = [0, count - 1, *([] if ignore is None else [ignore])]
    assert labels(numbered(count, ignore), by_id(*ids)) == ids


@pytest.mark.parametrize(
    ("count", "ignore", "message"),
    [
        (1, None, "got 1 class, '0', expected 2 to 255; the rest is a class too"),
        (256, None, "got 256 classes, expected 2 to 255: masks are uint8"),
        (2, 1, r"ignore id 1 must lie above the class ids, 2 to 255 \(it is '1'\)"),
        (2, 256, "ignore id 256"),
        (2, -1, "ignore id -1"),
    ],
)
def test_classes_that_masks_cannot_hold(count: int, ignore: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        numbered(count, ignore)


def test_colours_and_names_are_of_one_class_alone() -> None:
    for classes, message in (
        ({"names": ("a", "a")}, "class names repeat in a, a"),
        ({"names": ("a", " ")}, "a class is called ' ', expected a line of printable text"),
        ({"names": ("a", "b\n")}, r"a class is called 'b\\n', expected"),
        ({"palette": (RED, RED)}, r"^a and b have the same colour \[255, 0, 0\]; give each"),
        ({"ignore": 9, "ignore_colour": GREEN}, "^b and ignore_colour have the same colour"),
        ({"ignore_colour": BLACK}, "ignore_colour without an ignore id"),
    ):
        with pytest.raises(DataError, match=message):
            replace(TWO, **classes)


def test_ids_that_are_no_classes_are_named() -> None:
    numbered = r'\(where masks number their classes otherwise, give each its "id" in classes\.json\)'
    with pytest.raises(DataError, match=rf"^mask\.png holds the id 2, expected 0 to 1 {numbered}; correct the mask or"):
        TWO.label(by_id(0, 3, 2), PATH)
    with pytest.raises(DataError, match=r"holds the id 2, expected 0 to 1 or 9 \(ignored\) \("):
        replace(TWO, ignore=9).label(by_id(9, 2), PATH)
    with pytest.raises(DataError, match=r"the colour #010203, which no class has, expected #ff0000 a, #00ff01 b;"):
        TWO.label(by_colour(RED, (1, 2, 3)), PATH)
    with pytest.raises(
        DataError, match=r'no class has, .* \(if it is to be ignored, write "ignore_colour": \[1, 2, 3\] in'
    ):
        replace(TWO, ignore=9).label(by_colour((1, 2, 3)), PATH)
    with pytest.raises(DataError, match=r"which no class has, .*; correct the mask or the classes$"):
        replace(TWO, ignore=9, ignore_colour=BLACK).label(by_colour((1, 2, 3)), PATH)
    many = replace(TWO, ids=dict.fromkeys(range(0, 26, 2), 0))
    with pytest.raises(DataError, match=r"expected 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 \.\.\.;"):
        many.label(by_id(1), PATH)
    dozen = replace(TWO, ids=dict.fromkeys(range(0, 24, 2), 0))
    with pytest.raises(DataError, match=r"18, 20, 22;"):
        dozen.label(by_id(1), PATH)


def test_a_colour_may_be_ignored() -> None:
    assert labels(replace(TWO, ignore=7, ignore_colour=BLACK), by_colour(BLACK, GREEN)) == [7, 1]


def test_numbers_of_16_bits_may_have_a_meaning() -> None:
    wide = replace(TWO, ids={0: 1, 65535: 0, 300: 255}, ignore=255)
    assert labels(wide, by_id(0, 65535, 300, dtype=np.uint16)) == [1, 0, 255]
    assert labels(TWO, by_id(0, 1, dtype=np.uint16)) == [0, 1]
    with pytest.raises(DataError, match="holds the id 256, expected 0 to 1"):
        TWO.label(by_id(256, dtype=np.uint16), PATH)


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)), min_size=3, max_size=9, unique=True
    ),
    st.data(),
)
def test_only_the_colours_of_classes_have_a_class(palette: list[tuple[int, int, int]], data: st.DataObject) -> None:
    *known, strange = palette
    classes = Classes(tuple(map(str, range(len(known)))), tuple(known))
    ids = data.draw(st.lists(st.integers(0, len(known) - 1), min_size=1, max_size=5))
    assert labels(classes, by_colour(*(known[each] for each in ids))) == ids
    assert not classes.fits(by_colour(known[0], strange), "colours")


def test_what_a_file_usually_gives_is_read_unless_only_the_other_fits() -> None:
    """Grey and indexed files give ids, others colours; each of these images can be read in both ways, or in one."""
    colours = [GREEN, RED]
    assert labels(TWO, both([0, 1], colours, one_channel=True)) == [0, 1]
    assert labels(TWO, both([0, 1], colours, one_channel=False)) == [1, 0]
    assert labels(TWO, both([7, 8], colours, one_channel=True)) == [1, 0]
    assert labels(TWO, both([0, 1], [BLACK, BLACK], one_channel=False)) == [0, 1]
    neither = both([7, 8], [BLACK, BLACK], one_channel=True)
    with pytest.raises(DataError, match=r"holds the id 7, expected 0 to 1 .*; correct the mask or the classes$"):
        TWO.label(neither, PATH)
    with pytest.raises(DataError, match=r"colour #000000, which no class has, .*; correct the mask or the classes$"):
        TWO.label(replace(neither, one_channel=False), PATH)


def grey(*levels: int) -> LabelImage:
    return both([*levels], [(level, level, level) for level in levels], one_channel=True)


@pytest.mark.parametrize("palette", [(BLACK, WHITE), (WHITE, BLACK)])
@pytest.mark.parametrize("ids", [None, {0: 0, 1: 1, 255: 255, 65535: 255}])
def test_white_is_its_class_and_not_ignored(palette: tuple[Any, ...], ids: dict[int, int] | None) -> None:
    classes = Classes(("a", "b"), palette, 255, ids=ids)
    black, white = palette.index(BLACK), palette.index(WHITE)
    assert labels(classes, grey(0, 255)) == [black, white]
    assert classes.reading_of([grey(0, 0), grey(0, 255)]) == "colours"
    for others in ([grey(0, 1, 255)], [grey(0, 255), grey(1, 1)], [grey(0, 0)]):
        assert classes.reading_of(others) == "ids"
    indexed_in_grey = both([0, 255], [WHITE, BLACK], one_channel=True)
    for plain in (
        replace(classes, reading="ids"),
        replace(classes, palette=(BLACK, RED)),
        replace(classes, names=("a", "b", "c"), palette=(BLACK, WHITE, RED), ids=None),
        replace(classes, ids={0: 0, 7: 1, 255: 255}),
    ):
        assert labels(plain, grey(0, 255)) == [0, 255]
    assert labels(classes, indexed_in_grey) == [0, 255]


def test_a_reading_that_is_asked_for_holds() -> None:
    colours = both([0, 1], [GREEN, RED], one_channel=True)
    assert TWO.label(colours, PATH, "colours").tolist() == [[1, 0]]
    assert replace(TWO, reading="colours").label(colours, PATH).tolist() == [[1, 0]]
    assert replace(TWO, reading="colours").label(colours, PATH, "ids").tolist() == [[0, 1]]
    for reading, image, message in (
        ("ids", both([7], [RED], one_channel=True), 'the id 7.*if its colours are meant, write "masks": "colours"'),
        ("colours", both([0], [BLACK], one_channel=True), 'if its ids are meant, write "masks": "ids"'),
        ("ids", by_colour(RED), "holds colours, no ids; .* if its colours are meant"),
        ("colours", by_id(0), "holds 16-bit ids, no colours; .* if its ids are meant"),
        ("ids", by_id(7), "expected 0 to 1 .*; correct the mask or the classes$"),
    ):
        with pytest.raises(DataError, match=message):
            TWO.label(image, PATH, reading)  # type: ignore[arg-type]


def test_camvids_classes_are_segnets() -> None:
    """The names, ids and colours of V. Badrinarayanan et al., "SegNet", 2017, which files of others have too."""
    sky, building, pole, road, pavement = (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222)
    tree, sign, fence, car = (128, 128, 0), (192, 128, 128), (64, 64, 128), (64, 0, 128)
    pedestrian, bicyclist = (64, 64, 0), (0, 128, 192)
    colours = (sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist)
    assert labels(CAMVID, by_colour(*colours, BLACK)) == [*range(11), 11]
    assert [CAMVID.names[each] for each in (0, 3, 8, 10)] == ["Sky", "Road", "Car", "Bicyclist"]
    assert labels(CAMVID, by_id(0, 10, 11)) == [0, 10, 11]


def test_a_palette_that_fits_no_more_than_its_indices_is_said() -> None:
    ignoring = replace(TWO, ignore=255)
    void = both([0, 3], [RED, (224, 224, 192)], one_channel=True)
    with pytest.raises(
        DataError, match=r"holds the id 3, .* and read by its palette it holds the colour #e0e0c0, .*"
    ) as caught:
        ignoring.label(void, PATH)
    assert '"ignore_colour": [224, 224, 192]' in str(caught.value)
    grey = both([0, 3], [BLACK, (3, 3, 3)], one_channel=True)
    with pytest.raises(DataError, match="holds the id 3") as caught:
        ignoring.label(grey, PATH)
    assert "palette" not in str(caught.value)
