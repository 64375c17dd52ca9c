"""The outline of one object in COCO's JSON: polygons, or run lengths down the columns, plain or compressed."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import DataError

FURTHEST = 16
"""Image sizes that a corner of an outline may lie off: drawing takes memory for the whole way there."""


def extent(annotation: dict[str, Any]) -> float:
    """Pixels that an object covers: its "area", or where it states none that can be true, that of its outline.

    Without one the object is the largest of all or the smallest, and which is hidden would be left to chance; an
    outline that cannot be drawn has 0 here, as `drawn` says what is wrong with it.
    """
    area = annotation.get("area")
    if isinstance(area, (int, float)) and area is not True and area > 0:
        return float(area)
    try:
        return _outlined(annotation.get("segmentation"))
    except (LookupError, OverflowError, TypeError, ValueError):
        return 0.0


def _outlined(outline: Any) -> float:
    if isinstance(outline, list):
        return sum(_enclosed(np.asarray(each, float).reshape(-1, 2)) for each in outline)
    counts = outline["counts"]
    if isinstance(counts, list):
        return float(sum(counts[1::2]))  # the first run is of what the object leaves free
    from pycocotools import mask  # here: an extra

    height, width = outline["size"]
    area = mask.area({**outline, "counts": counts.encode() if isinstance(counts, str) else counts})
    return float(min(area, height * width))  # damaged run lengths go beyond


def _enclosed(corners: NDArray[np.float64]) -> float:
    """Area of a polygon (corners, 2): Gauss's formula."""
    x, y = corners.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def drawn(annotation: dict[str, Any], size: tuple[int, int], path: Path) -> NDArray[np.bool_]:
    """Where an object is.

    Args:
        annotation: of COCO's JSON.
        size: height and width of the image.
        path: of the JSON file, for messages.

    Returns:
        bool (H, W).

    Raises:
        DataError: it has no outline that can be drawn.
    """
    from pycocotools import mask  # here: an extra

    where = f"{path}: annotation {annotation.get('id')}"
    outline = annotation.get("segmentation")
    height, width = size
    try:
        if isinstance(outline, list) and outline:
            if any(len(each) < 6 or len(each) % 2 for each in outline):
                raise ValueError("a polygon has fewer than three corners")
            if any(not abs(number) <= FURTHEST * max(size) for each in outline for number in each):
                raise ValueError(f"a polygon has a corner more than {FURTHEST} times the image's size away")
            run_lengths = mask.merge(mask.frPyObjects(outline, height, width))
        elif isinstance(outline, dict):
            if list(outline["size"]) != [height, width]:
                raise ValueError(f"run lengths for {outline['size']}, the image is {[height, width]}")
            counts = outline["counts"]
            if isinstance(counts, list):
                if sum(counts) != height * width or min(chain(counts, [0])) < 0:
                    raise ValueError("run lengths that do not add up to the image")
                run_lengths = mask.frPyObjects(outline, height, width)
            else:
                counts = counts.encode() if isinstance(counts, str) else counts
                run_lengths = {"size": [height, width], "counts": counts}
        else:
            raise ValueError("neither polygons nor run lengths; a box alone is no outline")
        return np.asarray(mask.decode(run_lengths), bool)
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"{where} has an outline that cannot be drawn ({error}); correct or remove it") from error
