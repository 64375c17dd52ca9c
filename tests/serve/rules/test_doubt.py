from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.segmenter import Segmenter
from edgeseg.serve.rules.doubt import disagreement, uncertainty


def test_uncertainty_is_one_minus_the_difference_of_the_two_best_shares(tiny: Segmenter) -> None:
    """The tiny network has strides of 4, so its logits lie at known pixels; a frame of its size is interpolated."""
    frame = np.random.default_rng(0).integers(0, 256, (18, 30, 3), np.uint8)
    margin = np.asarray(tiny.confidence(frame), np.float64)
    two = np.stack([margin, np.zeros_like(margin)])
    shares = np.exp(two - two.max(axis=0)) / np.exp(two - two.max(axis=0)).sum(axis=0)  # softmax of two logits
    assert uncertainty(tiny, frame) == pytest.approx(float(np.mean(1 - (shares[0] - shares[1]))), abs=1e-5)


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_disagreement_is_the_share_of_pixels_that_changed(changed: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    before = random.integers(0, 5, (6, 10), np.uint8)
    mask = before.copy()
    mask.ravel()[random.permutation(60)[:changed]] += 1
    assert disagreement(mask, before) == changed / 60


def test_without_a_neighbour_nothing_disagrees() -> None:
    mask = np.ones((6, 10), np.uint8)
    assert disagreement(mask, None) == 0
    assert disagreement(mask, np.zeros((10, 6), np.uint8)) == 0
