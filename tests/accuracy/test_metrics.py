from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.errors import DataError


def ids(*rows: list[int]) -> NDArray[np.uint8]:
    return np.array(rows, np.uint8)


def test_a_case_counted_by_hand() -> None:
    matrix = ConfusionMatrix(("a", "b", "c", "d"))
    matrix.add(ids([0, 0, 1], [1, 2, 0]), ids([0, 0, 0], [1, 1, 9]), ignore=9)
    # a: TP 2, FN 1 (taken for b), FP 0.  b: TP 1, FN 1 (taken for c), FP 1.  c: no truth, FP 1.  d does not occur.
    assert matrix.counts.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert matrix.pixels == 5
    np.testing.assert_allclose(matrix.iou, [100 * 2 / 3, 100 / 3, 0, np.nan])
    assert matrix.miou == pytest.approx(100 / 3)
    assert matrix.pixel_accuracy == pytest.approx(60)
    assert matrix.class_accuracy == pytest.approx((100 * 2 / 3 + 50) / 2)


def test_a_class_that_is_never_found_counts_zero() -> None:
    matrix = ConfusionMatrix(("a", "b"))
    matrix.add(ids([0, 0, 0]), ids([0, 0, 1]), ignore=None)
    assert matrix.iou[1] == 0
    assert matrix.miou == pytest.approx(100 * 2 / 3 / 2)


def test_before_any_pixel_there_are_no_figures() -> None:
    matrix = ConfusionMatrix(("a", "b"))
    matrix.add(ids([0, 1]), ids([255, 255]), ignore=255)
    figures = [matrix.miou, matrix.pixel_accuracy, matrix.class_accuracy, *matrix.iou]
    assert all(math.isnan(figure) for figure in figures)


def test_counts_do_not_overflow() -> None:
    matrix = ConfusionMatrix(("a", "b"))
    matrix.counts[0, 0] = 2**32
    matrix.add(ids([0]), ids([0]), ignore=None)
    assert matrix.pixels == 2**32 + 1


@pytest.mark.parametrize(
    ("mask", "label", "message"),
    [
        (ids([0, 1]), ids([0, 7]), "a label holds the id 7, expected 0 to 1 or 255"),
        (ids([0, 5]), ids([0, 1]), "a mask holds the id 5"),
        (ids([0, 1]), ids([0], [1]), "compare them at the label's size"),
        (ids([0, 1, 1]), ids([0, 1]), "compare them at the label's size"),
        (ids([0, 1]), ids([0, 1, 1]), "compare them at the label's size"),
        (ids([0, 1]).T, ids([0, 1]), "compare them at the label's size"),
        *((np.zeros((1, 2), kind), ids([0, 1]), "expected uint8") for kind in (np.int64, np.int8, bool)),
        *((ids([0, 1]), np.zeros((1, 2), kind), "expected uint8") for kind in (np.int64, np.int8, bool)),
    ],
)
def test_what_cannot_be_counted_is_refused_and_counts_nothing(
    mask: NDArray[np.uint8],
    label: NDArray[np.uint8],
    message: str,
) -> None:
    matrix = ConfusionMatrix(("a", "b"))
    with pytest.raises(DataError, match=message):
        matrix.add(mask, label, ignore=255)
    assert matrix.pixels == 0


def test_the_ids_that_are_expected_are_said() -> None:
    matrix = ConfusionMatrix(("a", "b"))
    with pytest.raises(DataError, match=r"a label holds the id 2, expected 0 to 1: does"):
        matrix.add(ids([0, 1]), ids([2, 5]), ignore=None)
    with pytest.raises(DataError, match=r"a mask holds the id 2, expected 0 to 1 or 9 \(ignored\): does"):
        matrix.add(ids([255, 2]), ids([0, 1]), ignore=9)
    matrix.add(ids([0, 1]), ids([1, 0]), ignore=0)
    assert matrix.counts.tolist() == [[0, 0], [1, 0]]


def test_as_many_classes_as_masks_can_hold() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(2, 128)
    matrix = ConfusionMatrix(tuple(map(str, range(256))))
    matrix.add(every[::-1], every, ignore=None)
    assert matrix.counts[128, 0] == matrix.counts[255, 127] == matrix.counts[0, 128] == 1
    assert matrix.pixels == 256


def test_a_mask_may_hold_anything_where_the_label_is_ignored() -> None:
    matrix = ConfusionMatrix(("a", "b"))
    matrix.add(ids([0, 200]), ids([0, 255]), ignore=255)
    assert matrix.pixels == 1


def figures_by_sets(mask: list[int], label: list[int], classes: int, ignore: int) -> tuple[list[float], float, float]:
    """IoU, pixel accuracy and class accuracy (0 to 1) from sets of pixels: another way to the same figures."""
    pixels = {at for at, true in enumerate(label) if true != ignore}
    ious, recalls = [], []
    for each in range(classes):
        predicted = {at for at in pixels if mask[at] == each}
        true = {at for at in pixels if label[at] == each}
        if predicted | true:
            ious.append(len(predicted & true) / len(predicted | true))
        if true:
            recalls.append(len(predicted & true) / len(true))
    right = sum(mask[at] == label[at] for at in pixels)
    return ious, right / len(pixels), sum(recalls) / len(recalls)


@given(data=st.data(), classes=st.integers(2, 6), images=st.integers(1, 3))
def test_equal_to_an_independent_implementation(data: st.DataObject, classes: int, images: int) -> None:
    shape = (images, 3, 5)
    mask = data.draw(npst.arrays(np.uint8, shape, elements=st.integers(0, classes - 1)))
    label = data.draw(npst.arrays(np.uint8, shape, elements=st.sampled_from([*range(classes), 255])))
    label[0, 0, 0] = 0  # at least one pixel counts
    matrix = ConfusionMatrix([str(each) for each in range(classes)])
    for one_mask, one_label in zip(mask, label, strict=True):
        matrix.add(one_mask, one_label, ignore=255)
    ious, pixel, recall = figures_by_sets(mask.ravel().tolist(), label.ravel().tolist(), classes, 255)
    np.testing.assert_allclose(matrix.iou[~np.isnan(matrix.iou)], 100 * np.array(ious))
    assert matrix.miou == pytest.approx(100 * sum(ious) / len(ious))
    assert matrix.pixel_accuracy == pytest.approx(100 * pixel)
    assert matrix.class_accuracy == pytest.approx(100 * recall)
