"""The check of an NVIDIA card, on the stand-in of tests/engines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.engines.tensorrt.mask import MaskOnCard
from edgeseg.engines.tensorrt.slot import Slot
from edgeseg.errors import EngineError, OutputError
from edgeseg.proof import Proof
from edgeseg.spec import Spec
from edgeseg_bench import gpu_check
from edgeseg_bench.gpu import kernel


@pytest.fixture
def tiny(tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch) -> str:
    """A bundle that the check runs through quickly."""
    monkeypatch.setattr(gpu_check, "SIZE", (64, 40))
    monkeypatch.setattr(kernel, "CASES", 12)
    return str(make_bundle(tmp_path / "tiny", spec).folder)


def checked(bundle: str, folder: Path) -> tuple[int, dict[str, Any]]:
    code = gpu_check.main(bundle, json=folder / "gpu.json", calls=4, windows=3)
    return code, json.loads((folder / "gpu.json").read_text())


def test_everything_is_checked(card: Any, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, figures = checked(tiny, tmp_path)
    assert (code, figures["exact"]) == (0, True)
    assert figures["device"] == {
        "name": "a card that is not there",
        "compute_capability": "8.9",
        "memory_mb": 1024,
        "driver_cuda": "13.0",
        "pycuda_cuda": "12.6.0",
    }
    assert (figures["kernel"]["different"], figures["kernel"]["notices_nan"]) == (0, True)
    assert figures["kernel"]["pixels"] > 10000
    (plan,) = figures["plans"]
    assert (plan["product"], plan["precision"], plan["validity"]) == ("tensorrt-rtx", "fp32", "valid")
    with_graph, without = figures["runs"]
    assert (with_graph["graph"], with_graph["without_graph"]) == (True, None)
    assert (without["graph"], without["without_graph"]) == (False, "graphs are switched off")
    for run in figures["runs"]:
        assert (run["mask_agreement"], run["different_from_processor_kernel"]) == (100, 0)
        assert [(row["mask"], row["threads"]) for row in run["timings"]] == [
            (mask, threads) for mask in ("logits", "processor", "card") for threads in (1, 2)
        ]
        assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in run["timings"])
    assert [each["what"] for each in figures["skipped"]] == ["onnxruntime:cuda fp32", "onnxruntime:tensorrt fp32"]
    assert all("install onnxruntime-gpu" in each["reason"] for each in figures["skipped"])
    assert not card.memory
    assert not card.graphs
    output = capsys.readouterr().out
    assert "tensorrt-rtx fp32 with graph: 100.000 % of the pixels" in output
    assert "0 of" in output


def test_wrong_masks_fail(card: Any, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = MaskOnCard.read

    def wrong(self: MaskOnCard) -> NDArray[np.uint8]:
        mask = read(self)
        mask[0, 0] += 1
        return mask

    monkeypatch.setattr(MaskOnCard, "read", wrong)
    code, figures = checked(tiny, tmp_path)
    assert (code, figures["exact"]) == (1, False)
    assert figures["kernel"]["different"] == figures["kernel"]["cases"] == 12
    assert all(run["different_from_processor_kernel"] == 4 for run in figures["runs"])  # one a frame
    assert not card.memory


def test_golden_frames_are_asked_for(
    card: Any,
    tiny: str,
    tmp_path: Path,
    put_golden: Callable[..., Bundle],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not card.memory
    put_golden(Bundle.open(tiny))
    code, found = checked(tiny, tmp_path)
    assert code == 0
    assert all((run["golden"]["mask_agreement"], run["wrong"]) == (100, None) for run in found["runs"])
    monkeypatch.setattr(gpu_check, "ask", lambda *_: Proof((90.0, 96.0), 1.0))
    code, found = checked(tiny, tmp_path)
    assert (code, found["exact"]) == (1, True)
    assert "its masks of the golden frames have 93.00 % of fp32's pixels" in capsys.readouterr().out


def test_an_engine_for_other_cards_is_told_by_tensorrt_itself(
    card: Any, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(tiny, tmp_path)
    monkeypatch.setattr(card.trt.Runtime, "deserialize_cuda_engine", lambda *_: None)
    code, figures = checked(tiny, tmp_path)
    assert code == 1
    assert (figures["plans"][0]["validity"], figures["plans"][0]["diagnostics"]) == ("invalid", ["unsupported_cc"])
    assert figures["runs"] == []
    assert "refuses" in figures["failed"][0]["reason"]


def test_logits_that_are_no_numbers_fail(
    card: Any, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Slot.logits

    def broken(self: Slot, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = read(self, tensor)
        logits[0, 0, 0, 0] = np.nan
        return logits

    monkeypatch.setattr(Slot, "logits", broken)
    code, figures = checked(tiny, tmp_path)
    assert (code, figures["exact"], figures["runs"]) == (1, True, [])
    assert all("NaN" in each["reason"] for each in figures["failed"])
    assert not card.memory


def test_without_a_compiler_the_rest_is_checked(
    card: Any, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("edgeseg.engines.tensorrt.mask.NVCC", "/nowhere/nvcc")
    with pytest.warns(UserWarning, match="the processor makes the masks"):
        code, figures = checked(tiny, tmp_path)
    assert (code, figures["exact"], figures["kernel"]) == (1, False, None)
    assert figures["skipped"][0]["reason"].startswith("there is no nvcc")
    assert {row["mask"] for run in figures["runs"] for row in run["timings"]} == {"logits", "processor"}
    assert card.builds == 1


def test_a_place_that_cannot_be_written_is_refused_at_once(card: Any, tiny: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        gpu_check.main(tiny, json=tmp_path / "missing" / "gpu.json")
    assert card.builds == 0


def test_a_card_that_fails_is_one_sentence(card: Any, tiny: str) -> None:
    card.lost = True
    with pytest.raises(EngineError, match=r"the card failed \(an illegal memory access"):
        gpu_check.main(tiny, calls=4, windows=3)
    assert getattr(card.current, "depth", 0) == 0


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a card")
def test_without_a_card_it_says_so_and_gives_2() -> None:
    command = [sys.executable, "-m", "edgeseg_bench.gpu_check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: engine tensorrt cannot start (")
    assert result.stderr.count("\n") == 1
