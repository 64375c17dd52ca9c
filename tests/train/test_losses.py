from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.train.data import VOID
from edgeseg.train.losses import OHEM_LEAST, SegmentationLoss, class_weights, to_label_size


def reference(logits: torch.Tensor, labels: torch.Tensor, weights: np.ndarray, keep: float) -> float:
    """Weighted mean of -log softmax over the pixels that count, in float64, pixel by pixel."""
    values = logits.double().numpy()
    losses = []
    for image, row, column in np.ndindex(*labels.shape):
        label = int(labels[image, row, column])
        if label != VOID:
            pixel = values[image, :, row, column]
            probability = math.exp(pixel[label] - math.log(np.exp(pixel).sum()))
            losses.append((-math.log(probability), weights[label]))
    if keep:
        losses.sort(reverse=True)
        least = max(1, int(OHEM_LEAST * labels.numel()))
        losses = [pair for rank, pair in enumerate(losses) if rank < least or pair[0] >= -math.log(keep)]
    return float(sum(loss * weight for loss, weight in losses) / max(1, sum(weight for _, weight in losses)))


@given(seed=st.integers(0, 2**32), ohem=st.sampled_from([0.0, 0.3, 0.7]), weighted=st.booleans())
def test_loss_is_the_formula(seed: int, ohem: float, weighted: bool) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 6, 8, generator=random) * 3
    labels = torch.randint(0, 4, (2, 6, 8), generator=random).to(torch.uint8)
    labels[labels == 3] = VOID
    weights = torch.tensor([0.5, 1.0, 1.5]) if weighted else None
    loss = SegmentationLoss(weights, ohem, 0.0, 0.4, (1,))(logits, labels)
    expected = reference(logits, labels, np.ones(3) if weights is None else weights.numpy(), ohem)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@given(seed=st.integers(0, 2**32), ohem=st.sampled_from([0.0, 0.5]), weighted=st.booleans())
def test_pixels_at_boundaries_weigh_more(seed: int, ohem: float, weighted: bool) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 2, 4, 12, generator=random)
    labels = torch.zeros(1, 4, 12, dtype=torch.uint8)
    labels[..., 6:] = 1
    weights = torch.tensor([0.5, 1.5]) if weighted else None
    plain = SegmentationLoss(weights, ohem, 0.0, 0.4, (1,))
    emphatic = SegmentationLoss(weights, ohem, 0.0, 0.4, (1,), boundary=3.0)
    losses = torch.nn.functional.cross_entropy(logits.double(), labels.long(), reduction="none")[0].numpy()
    mass = np.ones((4, 12)) if weights is None else weights.numpy()[labels[0].numpy()].astype(np.float64)
    if ohem:
        mass[losses < min(-math.log(ohem), np.sort(losses.ravel())[-int(OHEM_LEAST * 48)])] = 0
    assert float(plain(logits, labels)) == pytest.approx((losses * mass).sum() / max(1, mass.sum()), rel=1e-4)
    mass[:, 4:8] *= 4  # two columns on either side
    assert float(emphatic(logits, labels)) == pytest.approx((losses * mass).sum() / max(1, mass.sum()), rel=1e-4)


def test_auxiliary_heads_are_added_with_their_weight_and_see_every_fourth_pixel() -> None:
    logits, coarse = torch.randn(1, 3, 10, 13), torch.randn(1, 3, 2, 2)  # as ceil(10 / 8), ceil(13 / 8)
    labels = torch.randint(0, 3, (1, 10, 13), dtype=torch.uint8)
    both = SegmentationLoss(None, 0.0, 0.0, 0.4, (1, 8))
    alone = SegmentationLoss(None, 0.0, 0.0, 0.4, (1,)), SegmentationLoss(None, 0.0, 0.0, 0.4, (2,))
    expected = float(alone[0](logits, labels)) + 0.4 * float(alone[1](coarse, labels[:, 2::4, 2::4]))
    assert float(both((logits, coarse), labels)) == pytest.approx(expected, rel=1e-5)


def test_lovasz_is_added_with_its_weight_and_pulls_towards_the_labels() -> None:
    labels = torch.randint(0, 3, (1, 12, 12), dtype=torch.uint8)
    logits = torch.zeros(1, 3, 12, 12)
    plain, both = (float(SegmentationLoss(None, 0.0, lovasz, 0.4, (1,))(logits, labels)) for lovasz in (0.0, 0.5))
    assert plain < both <= plain + 0.5
    loss = SegmentationLoss(None, 0.0, 0.5, 0.4, (1,))(logits.requires_grad_(), labels)
    torch.autograd.backward(loss)
    assert logits.grad is not None
    assert bool((logits.grad.gather(1, labels.long()[:, None]) < 0).all())


@pytest.mark.parametrize("lovasz", [0.0, 0.5])
@pytest.mark.parametrize("ohem", [0.0, 0.7])
@pytest.mark.parametrize("boundary", [0.0, 2.0])
def test_a_crop_without_labels_gives_zero_and_no_nan(ohem: float, lovasz: float, boundary: float) -> None:
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    void = torch.full((1, 8, 8), VOID, dtype=torch.uint8)
    loss = SegmentationLoss(torch.ones(3), ohem, lovasz, 0.4, (1,), boundary)(logits, void)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_class_weights_follow_enet() -> None:
    shares = np.array([0.7, 0.29, 0.01])
    weights = class_weights(shares).numpy()
    assert weights.mean() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(math.log(1.8) / math.log(1.11), rel=1e-5)


def test_upsampling_is_cut_to_the_labels() -> None:
    logits = torch.randn(1, 2, 3, 4)
    assert to_label_size(logits, 4, 10, 15).shape == (1, 2, 10, 15)
    assert to_label_size(logits, 1, 3, 4) is not None
