from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeseg.train.boundary import RADIUS, boundary_weights
from edgeseg.train.data import VOID


def reference(label: np.ndarray, weight: float) -> np.ndarray:
    """Pixel by pixel: is there another class in the square around it?"""
    weights = np.ones(label.shape)
    for row, column in np.ndindex(*label.shape):
        square = label[max(row - RADIUS, 0) : row + RADIUS + 1, max(column - RADIUS, 0) : column + RADIUS + 1]
        others = square[(square != VOID) & (square != label[row, column])]
        if label[row, column] != VOID and others.size:
            weights[row, column] += weight
    return weights


@given(
    label=hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, VOID])),
    weight=st.sampled_from([0.5, 4.0]),
)
def test_weights_are_those_of_the_square_around_each_pixel(label: np.ndarray, weight: float) -> None:
    weights = boundary_weights(torch.from_numpy(label)[None].long(), weight)[0]
    assert np.array_equal(weights.numpy(), reference(label, weight))


@pytest.mark.parametrize("beside", [VOID, 3])
def test_pixels_without_a_label_are_no_boundary(beside: int) -> None:
    label = torch.full((1, 8, 8), 3)
    label[..., 4:] = beside
    assert bool((boundary_weights(label, 2.0) == 1).all())
