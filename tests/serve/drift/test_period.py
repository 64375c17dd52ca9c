"""Means over the time in which frames came."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.serve.drift.period import Period, PeriodMeans

ROAD, SKY = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def test_means_of_what_is_known() -> None:
    means = PeriodMeans(10.0)
    means.add(0.0, ROAD, 0.9, None)
    means.add(5.0, SKY, None, 1.0)
    assert means.take() is None
    means.add(10.0, SKY, 0.5, 0.0)
    means.add(11.0, SKY, None, 0.2)
    period = means.take()
    assert period is not None
    assert period.row == pytest.approx([0.25, 0.75, 0.7, 0.4])
    assert means.take() is None


def test_a_gap_does_not_count() -> None:
    means = PeriodMeans(10.0)
    means.add(0.0, ROAD, 0.9, 0.0)
    means.add(6.0, ROAD, 0.9, 0.0)
    means.gap()
    means.add(1000.0, ROAD, 0.9, 0.0)
    assert means.take() is None
    means.add(1004.0, ROAD, 0.9, 0.0)
    assert means.take() == Period((1.0, 0.0), 0.9, 0.0)


def test_without_any_confidence_it_goes_on() -> None:
    means = PeriodMeans(1.0)
    for second in range(5):
        means.add(second, ROAD, None, 0.0)
    assert means.take() is None
    means.add(5.0, ROAD, 0.25, 0.0)
    assert means.take() == Period((1.0, 0.0), 0.25, 0.0)
