"""Accuracy against latency: which points no other one beats in both."""

from __future__ import annotations

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the points that nothing beats, the fastest first.

    A point is (latency, accuracy). Another one beats it if it is no slower and no worse, and better in one of the two.
    """
    members: list[str] = []
    best = float("-inf")
    for name, (_, accuracy) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        ties = bool(members) and points[members[-1]] == points[name]
        if accuracy > best or ties:
            members.append(name)
            best = accuracy
    return members
