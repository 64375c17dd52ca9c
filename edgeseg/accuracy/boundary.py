"""Boundary F1: how well a mask follows the contours of the labels, which IoU, ruled by large areas, hardly shows.

The measure is that of G. Csurka, D. Larlus and F. Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013, averaged as in V. Badrinarayanan et al., "SegNet", PAMI 2017: the F1 of each class that an
image's labels hold, its mean over these classes, and the mean of that over all images.

A contour pixel of a class is one whose right, left, upper or lower neighbour is of another class. What is void in the
labels is void in the mask too, and is no class: contours are neither in it nor against it, for nobody knows what is
there. Nor is the image's border a contour.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import DataError

TOLERANCE = 0.0075
"""As a part of the image's diagonal: a contour pixel is right if one of the other contour is nearer than this."""

VOID = 255


def boundary_f1(
    mask: NDArray[np.uint8],
    label: NDArray[np.uint8],
    classes: int,
    *,
    ignore: int | None,
    tolerance: float = TOLERANCE,
) -> NDArray[np.float64]:
    """F1 of the contours of each class in one image, in percent.

    Args:
        mask: uint8 (H, W), predicted class ids.
        label: uint8 (H, W), true class ids.
        classes: how many there are, at most 255.
        ignore: a label that is no class.
        tolerance: as a part of the image's diagonal.

    Returns:
        (classes,): 2PR / (P + R), where precision P is the share of the mask's contour pixels that lie nearer than the
        tolerance to the labels' contour, and recall R the reverse. 0 where only one of the two has a contour; nan where
        neither has, or the labels do not hold the class.

    Raises:
        DataError: the sizes differ.
    """
    if mask.shape != label.shape:
        raise DataError(f"mask is {mask.shape}, its label {label.shape}; compare them at the label's size")
    void = np.zeros(label.shape, bool) if ignore is None else label == ignore
    mask, label = (np.where(void, np.uint8(VOID), ids) for ids in (mask, label))
    of_mask, of_label = _contours(mask), _contours(label)
    scores = np.full(classes, np.nan)
    reach = tolerance * float(np.hypot(*label.shape))
    for each in range(classes):
        region = label == each
        if not region.any():
            continue
        predicted, true = of_mask & (mask == each), of_label & region
        if predicted.any() and true.any():
            precision, recall = _share_near(predicted, true, reach), _share_near(true, predicted, reach)
            scores[each] = 200 * precision * recall / (precision + recall) if precision + recall else 0.0
        elif predicted.any() or true.any():
            scores[each] = 0.0
    return scores


def _contours(ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of a class with a neighbour of another one."""
    contours = np.zeros(ids.shape, bool)
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        differ = (ids[first] != ids[second]) & (ids[first] != VOID) & (ids[second] != VOID)
        contours[first] |= differ
        contours[second] |= differ
    return contours


def _share_near(contour: NDArray[np.bool_], other: NDArray[np.bool_], reach: float) -> float:
    """The part of `contour`'s pixels that lie nearer than `reach` pixels to `other`."""
    distance = cv2.distanceTransform((~other).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((distance[contour] < reach).mean())
