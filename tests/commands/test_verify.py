"""The table that `edgeseg verify` prints."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.commands.verify import _table
from edgeseg_export.verify import StageResult


@pytest.mark.parametrize("labelled", [False, True])
def test_no_name_and_no_figure_is_cut_in_eighty_columns(labelled: bool) -> None:
    matrix = ConfusionMatrix(("road", "sky"))
    if labelled:
        mask = np.array([[0, 1]], np.uint8)
        matrix.add(mask, mask, ignore=None)
    written, fp32 = "onnxruntime, as written", "onnxruntime fp32"
    first = StageResult(fp32, "onnxruntime", matrix, None, 100, ((0, 100),), 1234.5, 9_990_000)
    second = StageResult("tensorrt int8", written, matrix, fp32, 99.876, ((0, 98.76),), None, 9_990_000)
    longest = "onnxruntime int8-7bit in openvino"
    third = StageResult(longest, "openvino", matrix, fp32, 100, ((0, 100),), 1234.5, 9_990_000)
    console = Console(width=80, record=True)
    console.print(_table([first, second, third]))
    text = console.export_text()
    assert "\u2026" not in text
    assert all(each in text for each in ("onnxruntime", "int8-7bit", "99.876", "98.76", "1234.5", "9.99"))
    assert ("mIoU" in text) is ("+0.00" in text) is labelled
