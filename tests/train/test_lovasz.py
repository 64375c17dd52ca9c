from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.train.lovasz import lovasz_softmax


def extension(probabilities: np.ndarray, target: np.ndarray) -> float:
    """The Lovasz extension by its definition (Berman et al. 2018, equation 8), set by set, in float64."""
    losses = []
    for label in np.unique(target):
        truth = target == label
        errors = np.abs(truth - probabilities[:, label])
        order, wrong, before, loss = np.argsort(-errors), set[int](), 0.0, 0.0
        for pixel in order:
            wrong.add(int(pixel))
            mistaken = np.isin(np.arange(len(target)), list(wrong))
            jaccard = mistaken.sum() / (truth | mistaken).sum()
            loss += errors[pixel] * (jaccard - before)
            before = jaccard
        losses.append(loss)
    return float(np.mean(losses))


@given(seed=st.integers(0, 2**32), pixels=st.integers(1, 12))
def test_it_is_the_lovasz_extension_of_the_jaccard_loss(seed: int, pixels: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), pixels)
    target = random.integers(0, 3, pixels)
    actual = lovasz_softmax(torch.from_numpy(probabilities), torch.from_numpy(target))
    assert float(actual) == pytest.approx(extension(probabilities, target), abs=1e-6)


def test_on_hard_answers_it_is_one_minus_the_mean_iou() -> None:
    answers, target = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 1, 2])
    loss = lovasz_softmax(torch.nn.functional.one_hot(answers, 4).float(), target)
    assert float(loss) == pytest.approx(1 - (1 / 2 + 2 / 3 + 1) / 3)


def test_no_pixel_gives_zero_and_a_gradient() -> None:
    probabilities = torch.zeros(0, 3, requires_grad=True)
    loss = lovasz_softmax(probabilities, torch.zeros(0, dtype=torch.int64))
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
