"""7-bit weights: x86 without VNNI adds two products of uint8 and int8 in 16 bits, which must not overflow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgeseg_export.precision.qdq import LARGEST, LARGEST_OF_SEVEN_BITS, weight_grid

WEIGHTS = arrays(np.float32, (3, 4, 1, 2), elements=st.floats(-8, 8, width=32))
BYTES = arrays(np.uint8, (8,))


def pair_sums(levels: NDArray[np.int8], activations: NDArray[np.uint8]) -> NDArray[np.int32]:
    """What VPMADDUBSW would have to hold: sums of two neighbours' products."""
    products = levels.reshape(len(levels), -1).astype(np.int32) * activations.astype(np.int32)
    sums: NDArray[np.int32] = products.reshape(len(levels), -1, 2).sum(axis=2)
    return sums


def fits(sums: NDArray[np.int32]) -> bool:
    return bool((sums == sums.astype(np.int16)).all())


@given(weights=WEIGHTS, activations=BYTES)
def test_pairs_of_products_fit_into_16_bits(weights: NDArray[np.float32], activations: NDArray[np.uint8]) -> None:
    grid, levels = weight_grid(weights, largest=LARGEST_OF_SEVEN_BITS)
    assert np.abs(levels.astype(int)).max() <= LARGEST_OF_SEVEN_BITS
    assert fits(pair_sums(levels, activations))
    assert fits(pair_sums(levels, np.full(8, 255, np.uint8)))
    step = grid.scale.reshape(-1, 1, 1, 1)
    assert (np.abs(levels * step - weights) <= 0.5001 * step).all()


def test_the_worst_pair_fits_with_seven_bits_and_not_with_eight() -> None:
    for sign in (1, -1):
        weights, bright = np.full((1, 2, 1, 1), sign, np.float32), np.full(2, 255, np.uint8)
        seven, eight = (weight_grid(weights, largest=largest)[1] for largest in (LARGEST_OF_SEVEN_BITS, LARGEST))
        assert abs(int(pair_sums(seven, bright)[0, 0])) == 2 * 255 * 64
        assert fits(pair_sums(seven, bright))
        assert not fits(pair_sums(eight, bright))
