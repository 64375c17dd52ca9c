from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import EngineError
from edgeseg_export.precision.calibration_data import CalibrationData, Sample
from lab import nncf


@pytest.fixture
def frames() -> CalibrationData:
    samples = tuple(Sample(np.full((1, 4, 6, 3), level, np.uint8), f"{level:064}", level) for level in range(4))
    return CalibrationData(samples[:3], samples[3:], None, "four")


def test_the_ratio_is_theirs_to_ours(frames: CalibrationData, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"wall": 0.0, "core": 0.0}
    monkeypatch.setattr(
        nncf, "time", SimpleNamespace(perf_counter=lambda: clock["wall"], process_time=lambda: clock["core"])
    )

    def taking(seconds: float) -> Callable[[Any], NDArray[np.float32]]:
        def infer(_: Any) -> NDArray[np.float32]:
            clock["wall"] += seconds
            clock["core"] += seconds / 2
            return np.zeros((1, 2, 1, 1), np.float32)

        return infer

    times = nncf.in_turns({"ours": taking(0.01), "nncf": taking(0.015)}, frames, rounds=3)
    assert times["ours_is_faster_by"] == pytest.approx(1.5)
    assert len(times["ratios"]) == 3
    assert times["ms"] == {"ours": pytest.approx(10), "nncf": pytest.approx(15)}
    assert times["core_ms"] == {"ours": pytest.approx(5), "nncf": pytest.approx(7.5)}


def test_nncfs_file_is_made_once(frames: CalibrationData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        del options
        images, made = command[-2:]
        calls.append(np.load(images).shape)
        for suffix in (".xml", ".bin"):
            Path(made).with_suffix(suffix).write_text(suffix)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(nncf, "python_of", lambda name, folder: folder / name)
    monkeypatch.setattr(subprocess, "run", run)
    made = [nncf.nncf_file(tmp_path / "x.onnx", "0" * 64, frames, tmp_path / "work") for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].with_suffix(".bin").read_text() == ".bin"
    assert calls == [(3, 4, 6, 3)]
    assert sorted(path.suffix for path in (tmp_path / "work").iterdir()) == [".bin", ".xml"]
    nncf.nncf_file(tmp_path / "x.onnx", "1" * 64, frames, tmp_path / "work")
    assert len(calls) == 2


def test_what_nncf_complains_of_is_said(
    frames: CalibrationData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nValueError: no such node\n")
    monkeypatch.setattr(nncf, "python_of", lambda name, folder: folder / name)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(EngineError, match="NNCF failed: ValueError: no such node"):
        nncf.nncf_file(tmp_path / "x.onnx", "0" * 64, frames, tmp_path)
    assert list(tmp_path.iterdir()) == []
