"""What is a zone, and what is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgeseg.errors import UsageError
from edgeseg.serve.polygon import Corner, check_polygon


def around(angles: list[float]) -> tuple[Corner, ...]:
    """Corners on a circle, as far around as the angles say."""
    return tuple((0.5 + 0.4 * math.cos(angle), 0.5 + 0.4 * math.sin(angle)) for angle in angles)


angle_lists = st.lists(st.integers(0, 359), min_size=4, max_size=20, unique=True).map(
    lambda degrees: [math.radians(each) for each in sorted(degrees)]
)


@given(angle_lists, st.booleans())
def test_corners_on_a_circle_in_their_order_are_a_zone(angles: list[float], backwards: bool) -> None:
    check_polygon(around(angles[::-1] if backwards else angles))


@given(angle_lists, st.integers(0, 19))
def test_two_neighbours_that_change_places_cross_edges(angles: list[float], place: int) -> None:
    assume(len(angles) >= 4)
    here, there = place % len(angles), (place + 1) % len(angles)
    angles[here], angles[there] = angles[there], angles[here]
    with pytest.raises(UsageError, match="meets that from"):
        check_polygon(around(angles))


@pytest.mark.parametrize(
    ("corners", "sentence"),
    [
        ([(0.1, 0.1), (0.9, 0.9)], "has 2 corners, expected 3 to 100"),
        ([(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], "lie on a line"),
        ([(0.1, 0.1), (0.9, 0.1), (0.1, 0.1)], "twice"),
        ([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0)], "meets that from"),
    ],
)
def test_what_is_no_area_is_refused(corners: list[Corner], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_polygon(tuple(corners))


def test_a_zone_may_be_concave() -> None:
    check_polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0)))
