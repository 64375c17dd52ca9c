"""Files of weights are looked at before a library reads them: pipes, lying headers, archives that swell."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from edgeseg.errors import WeightsError
from edgeseg.files import LARGEST_TEXT
from edgeseg.models import weight_files
from edgeseg.models.weight_files import check_checkpoint, check_safetensors
from edgeseg.models.weights import load_weights
from edgeseg.train.checkpoint import averaged_weights, is_checkpoint
from edgeseg_export.foreign.open_torch import read_weights

READERS = (load_weights, averaged_weights, read_weights)


@pytest.fixture
def tensors(tmp_path: Path) -> Path:
    path = tmp_path / "good.safetensors"
    save_file({"weight": torch.zeros(8)}, path)
    return path


def test_good_files_pass(tensors: Path, tmp_path: Path) -> None:
    check_safetensors(tensors)
    for name, new in (("new.pt", True), ("old.pt", False)):
        torch.save({"weight": torch.zeros(8)}, tmp_path / name, _use_new_zipfile_serialization=new)
        check_checkpoint(tmp_path / name)
        assert set(read_weights(tmp_path / name)) == {"weight"}


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_not_waited_for(read: Callable[[Path], Any], tmp_path: Path) -> None:
    for name in ("pipe.safetensors", "pipe.pt"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(WeightsError, match="pipe or socket"):
            read(tmp_path / name)
    assert is_checkpoint(tmp_path / "pipe.pt")  # what it is, its reader says


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "header is cut off"),
        (bytes(7), "header is cut off"),
        ((2**63).to_bytes(8, "little") + b"{}", "header is cut off"),
        ((LARGEST_TEXT + 1).to_bytes(8, "little") + bytes(LARGEST_TEXT + 1), "expected at most"),
    ],
    ids=["empty", "seven bytes", "beyond the file", "too long"],
)
def test_headers_that_lie(read: Callable[[Path], Any], content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        read(path)


def test_large_files_are_refused_unread(tensors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_files, "LARGEST", tensors.stat().st_size - 1)
    for read in READERS:
        with pytest.raises(WeightsError, match="expected at most"):
            read(tensors)


def test_an_archive_that_swells(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(50_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(WeightsError, match=r"bomb/data\.pkl in it is compressed"):
        read_weights(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="damaged archive"):
        read_weights(path)
