from __future__ import annotations

import pytest
import torch

from edgeseg.errors import UsageError
from edgeseg.train.device import hardware, prepare_device, uses_autocast
from edgeseg.train.settings import TrainSettings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("has", [False, True])
def test_bfloat16_is_used_where_the_processor_has_it(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.train.device.multiplies_bfloat16", lambda: has)
    assert uses_autocast(TrainSettings(), CPU) is has
    assert uses_autocast(TrainSettings(autocast=not has), CPU) is not has


@pytest.mark.parametrize("has", [False, True])
def test_bfloat16_is_used_where_the_card_has_it(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.train.device.multiplies_bfloat16", lambda: not has)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has and not including_emulation)
    assert uses_autocast(TrainSettings(), CUDA) is has
    assert uses_autocast(TrainSettings(autocast=not has), CUDA) is not has


def test_the_record_says_what_was_computed_in() -> None:
    assert hardware(CPU, True).endswith(f"{torch.get_num_threads()} threads, bfloat16")
    assert hardware(CPU, False).endswith("float32")


def test_cuda_is_not_replaced_by_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="torch sees no CUDA device"):
        prepare_device(TrainSettings(device="cuda"))
