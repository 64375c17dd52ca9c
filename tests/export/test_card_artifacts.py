"""The list of artifacts in a model card."""

from __future__ import annotations

from dataclasses import replace

from edgeseg.artifact import Artifact
from edgeseg.measured import HeldOut, Measured
from edgeseg_export.card_artifacts import TITLE, with_artifacts

MEASURED = Measured({"latency": {"median_ms": 20, "threads": 2}})
FP32 = Artifact("a.fp32.onnx", "onnxruntime", "fp32", "0" * 64, 2_000_000, MEASURED)
INT8 = replace(
    FP32,
    file="a.int8.onnx",
    precision="int8",
    measured=Measured(
        {
            "evaluation": {"miou": 71.234, "split": "val", "images": 7},
            "agreement": {"mask_agreement": 99.5, "frames": 32},
            "calibration": {"method": "mse", "keep": ["stem"], "data": "streets train", "frames": 96},
        }
    ),
)


def test_the_list_is_replaced_and_the_rest_of_the_card_stays() -> None:
    card = "# a\n\nWords.\n\n## Figures\n\n- one\n"
    first = with_artifacts(card, [FP32])
    assert first.startswith(card.rstrip())
    assert with_artifacts(first, [FP32]) == first
    second = with_artifacts(first, [INT8, FP32])
    assert second.count(TITLE) == 1
    assert "| a.int8.onnx | onnxruntime | int8 | 2.00 | 71.23 | 99.50 | - |" in second
    assert "- INT8: ranges by mse over 96 frames of streets train, stem in float." in second
    followed = f"# a\n\n{TITLE}\n\nold\n\n## Licence\n\nFree.\n"
    assert "old" not in with_artifacts(followed, [FP32])
    assert "## Licence\n\nFree." in with_artifacts(followed, [FP32])


def test_a_test_split_has_a_column_where_it_was_measured() -> None:
    assert "test mIoU" not in with_artifacts("# a\n", [INT8, FP32])
    held_out = HeldOut.from_json(
        {"miou": 66.474, "split": "test", "sequences": {"0001TP": 66.7}, "source": "measured by others"}, "test"
    )
    card = with_artifacts("# a\n", [replace(INT8, measured=INT8.measured.add(held_out)), FP32])
    assert "| a.int8.onnx | onnxruntime | int8 | 2.00 | 71.23 | 66.47 | 99.50 | - |" in card
    assert "| a.fp32.onnx | onnxruntime | fp32 | 2.00 | - | - | - | 20.0 |" in card
    assert "- Test mIoU: test split, on which nothing was chosen; measured by others." in card
    assert "- Test mIoU by sequence: 0001TP 66.7." in card
