"""A split is named where there is a data set to take it from; elsewhere its name would be passed over."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg import cli

LINES = [
    "quantize ./mine --data {frames} --split",
    "quantize ./mine --data {frames} --eval {frames} --eval-split",
    "quantize ./mine --data {frames} --eval-split",
    "verify ./mine --data {frames} --split",
    "sensitivity ./mine --data {frames} --split",
    "export road-nano --out ./mine --split",
    "import model.onnx --spec spec.json --out ./mine --split",
    "bench road-nano --split",
]


@pytest.mark.parametrize("line", LINES)
def test_a_split_of_no_data_set_is_refused(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if line.startswith("export"):
        pytest.importorskip("torch", reason="no PyTorch, which export needs: pip install 'edgeseg[export]'")
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["edgeseg", *line.format(frames="frames").split(), "val"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "split val is a split's name, and " in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--split", "--golden"])
def test_a_spec_is_made_without_data(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["edgeseg", "import", "model.onnx", "--make-spec", option, "val"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "--make-spec writes a spec and no bundle" in capsys.readouterr().err
