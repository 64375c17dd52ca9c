from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.errors import UsageError
from edgeseg.serve.polygon import check_polygon
from edgeseg.serve.rules.zones import WHOLE, ZonePixels

Corners = tuple[tuple[float, float], ...]

steps = st.integers(0, 64).map(lambda step: step / 64)
sizes = st.integers(1, 40)


def is_polygon(corners: Corners) -> bool:
    try:
        check_polygon(corners)
    except UsageError:
        return False
    return True


polygons = st.lists(st.tuples(steps, steps), min_size=3, max_size=6).map(tuple).filter(is_polygon)


@settings(deadline=None)
@given(polygons, sizes, sizes)
def test_a_pixel_is_in_a_zone_where_its_centre_is(corners: Corners, height: int, width: int) -> None:
    contour = np.asarray([(128 * x * width, 128 * y * height) for x, y in corners], np.float32)  # whole numbers
    mask = np.zeros((height, width), np.uint8)
    surely = possibly = 0
    for row in range(height):
        for column in range(width):
            side = cv2.pointPolygonTest(contour, (128 * (column + 0.5), 128 * (row + 0.5)), False)
            mask[row, column] = side > 0
            surely += side > 0
            possibly += side >= 0
    zone = ZonePixels(corners, height, width)
    assert surely <= zone.count <= possibly
    shares = zone.shares(mask, 2)
    if zone.count:
        assert round(shares[1] * zone.count) == surely  # all of those that surely lie in it
        assert math.isclose(shares.sum(), 1)
    else:
        assert shares.tolist() == [0, 0]


@settings(deadline=None)
@given(steps.filter(lambda step: 0 < step < 1), sizes, sizes)
def test_zones_that_share_an_edge_share_no_pixel(edge: float, height: int, width: int) -> None:
    left = ((0.0, 0.0), (edge, 0.0), (edge, 1.0), (0.0, 1.0))
    right = ((edge, 0.0), (1.0, 0.0), (1.0, 1.0), (edge, 1.0))
    assert ZonePixels(left, height, width).count + ZonePixels(right, height, width).count == height * width


def test_the_whole_picture() -> None:
    mask = np.random.default_rng(0).integers(0, 5, (37, 53), np.uint8)
    zone = ZonePixels(WHOLE, 37, 53)
    assert zone.count == mask.size
    assert zone.shares(mask, 6).tolist() == pytest.approx((np.bincount(mask.ravel(), minlength=6) / mask.size).tolist())


def test_labels_that_overlap_are_counted_for_themselves() -> None:
    masks = np.random.default_rng(0).integers(0, 2, (3, 8, 10), np.uint8)
    zone = ZonePixels(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), 8, 10)
    assert zone.shares(masks, 3).tolist() == pytest.approx(masks[:, :, :5].mean(axis=(1, 2)).tolist())
