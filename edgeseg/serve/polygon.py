"""Zones are polygons that people type: what is none is refused."""

from __future__ import annotations

from itertools import combinations

from edgeseg.errors import UsageError

Corner = tuple[float, float]

MOST_CORNERS = 100


def check_polygon(corners: tuple[Corner, ...]) -> None:
    """Raises UsageError unless the corners, in order, go around an area once."""
    if not 3 <= len(corners) <= MOST_CORNERS:
        raise UsageError(f"it has {len(corners)} corners, expected 3 to {MOST_CORNERS}: [[x, y], [x, y], [x, y]]")
    if len(set(corners)) != len(corners):
        raise UsageError("a corner is there twice; name each once, the last is joined to the first by itself")
    edges = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    for one, other in combinations(edges, 2):
        if not set(one) & set(other) and _meet(one, other):
            raise UsageError(
                f"the edge from {list(one[0])} to {list(one[1])} meets that from {list(other[0])} to {list(other[1])}; "
                "name the corners in the order in which they lie around the zone"
            )
    if not _area(corners):
        raise UsageError("its corners lie on a line; a zone has an area")


def _area(corners: tuple[Corner, ...]) -> float:
    """Twice the area, with a sign (the shoelace formula)."""
    rest = (*corners[1:], corners[0])
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(corners, rest, strict=True))


def _meet(one: tuple[Corner, Corner], other: tuple[Corner, Corner]) -> bool:
    """Whether two edges have a point in common."""
    sides = [_side(*one, other[0]), _side(*one, other[1]), _side(*other, one[0]), _side(*other, one[1])]
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    points = [(one, other[0]), (one, other[1]), (other, one[0]), (other, one[1])]
    return any(side == 0 and _within(*edge, point) for side, (edge, point) in zip(sides, points, strict=True))


def _side(start: Corner, end: Corner, point: Corner) -> float:
    """Above 0 to the one side of a line, below to the other, 0 on it."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _within(start: Corner, end: Corner, point: Corner) -> bool:
    """Whether a point of the line lies between the edge's ends."""
    return all(min(start[axis], end[axis]) <= point[axis] <= max(start[axis], end[axis]) for axis in (0, 1))
