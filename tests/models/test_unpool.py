"""Max-unpooling against torch's own, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from torch.nn import functional

from edgeseg.models.unpool import max_pool, max_unpool

TIED = st.sampled_from([-1.5, -0.0, 0.0, 1e-45, 1.0, 1.0000001, 3e38])
ANY = st.floats(width=32, allow_nan=False)
SIDES = st.integers(1, 4).map(lambda half: 2 * half)


@st.composite
def maps(draw: st.DrawFn) -> NDArray[np.float32]:
    """(N, C, H, W), half of them with many ties."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(SIDES), draw(SIDES))
    return draw(npst.arrays(np.float32, shape, elements=draw(st.sampled_from([TIED, ANY]))))


@given(maps(), st.data())
def test_pooling_and_unpooling_are_torchs_bit_for_bit(values: NDArray[np.float32], data: st.DataObject) -> None:
    features = torch.from_numpy(values)
    pooled, places = max_pool(features)
    expected, indices = functional.max_pool2d(features, 2, return_indices=True)
    assert pooled.numpy().tobytes() == expected.numpy().tobytes()
    other = data.draw(npst.arrays(np.float32, tuple(pooled.shape), elements=ANY))  # a decoder's values differ
    for unpooled in (pooled, torch.from_numpy(other)):
        actual = max_unpool(unpooled, places)
        assert actual.numpy().tobytes() == functional.max_unpool2d(unpooled, indices, (2, 2)).numpy().tobytes()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_torchs(layout: torch.memory_format) -> None:
    random = torch.randint(0, 3, (2, 4, 8, 6), generator=torch.Generator().manual_seed(0)).double()
    gradients = []
    for ours in (True, False):
        features = random.contiguous(memory_format=layout).requires_grad_()
        if ours:
            pooled, places = max_pool(features)
            unpooled = max_unpool(pooled * pooled, places)
        else:
            pooled, indices = functional.max_pool2d(features, 2, return_indices=True)
            unpooled = functional.max_unpool2d(pooled * pooled, indices, (2, 2))
        torch.autograd.backward((unpooled * torch.arange(6)).sum())
        assert features.grad is not None
        gradients.append(features.grad)
    assert torch.equal(*gradients)
