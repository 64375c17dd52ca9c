"""The whole way of somebody else's network: export, spec, import, proof, INT8, agreement without labels, an engine.

Every step is the command that a user would give. None ends in a traceback, and none says the opposite of another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from edgeseg.agreement import Agreement, OriginalAgreement
from edgeseg.artifact import GATE_AGREEMENT, SEVEN_BITS
from edgeseg.auto import choose
from edgeseg.bundle import Bundle
from edgeseg.cli import app
from edgeseg.measured import Calibration
from edgeseg.processor import sums_int8_exactly
from edgeseg_export.frames import sample_frames
from tests.matrix.networks import ALL, CLASSES, SIDE, Case, network

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch's exporter, and of libraries

OWNERS = {
    "classes": [f"thing {index}" for index in range(CLASSES)],
    "licence": "random weights",
    "head": "classes",
    "colour": "RGB",
    "range": 1,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
"""What the file does not tell."""

Run = Callable[..., Any]


@pytest.fixture
def edgeseg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder of its own, with a cache of its own; gives its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("edgeseg.auto.SECONDS", 0.01)
    if os.environ.get(ALL) == "all":  # models are tried in a child process first, as users' are: runtimes die of some
        monkeypatch.delenv("EDGESEG_MODEL_MEMORY", raising=False)

    def run(*words: str) -> Any:
        return app(words, result_action="return_value", print_error=False, exit_on_error=False)

    return run


def write_frames(folder: Path, first: int, count: int) -> None:
    """Crops of street pictures, no two of them the same."""
    folder.mkdir()
    frames = sample_frames(None)
    for place in range(first, first + count):
        frame = frames[place % len(frames)]
        cv2.imwrite(str(folder / f"{place}.png"), frame[7 * place : 7 * place + 180, 11 * place : 11 * place + 240])


def fill(spec: Path, case: Case) -> None:
    """Does what `--make-spec` asks the owner to do."""
    data = json.loads(spec.read_text())
    known = {**OWNERS, "output": case.output}
    for part in (data, data["input"]):
        part |= {name: known[name] for name, value in part.items() if isinstance(value, str) and value.startswith("? ")}
    spec.write_text(json.dumps(data))


def test_the_whole_way(
    case: tuple[str, Case], edgeseg: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, stated = case
    picture = torch.zeros(1, 3, SIDE, SIDE)
    try:
        torch.onnx.export(
            network(name), (picture,), "theirs.onnx", opset_version=17, dynamo=False, output_names=["out"]
        )
    except torch.onnx.errors.OnnxExporterError as error:
        pytest.skip(f"torch's older exporter cannot write it: {str(error)[:120]}")

    like = () if stated.like is None else ("--like", stated.like)
    assert edgeseg("import", "theirs.onnx", "--make-spec", *like) == 0
    fill(tmp_path / "spec.json", stated)
    assert edgeseg("import", "theirs.onnx", "--spec", "spec.json", "--out", "mine") == 0
    (fp32,) = Bundle.open(tmp_path / "mine").artifacts
    original = fp32.measured.get(OriginalAgreement)
    assert original is not None
    assert original.mask_agreement >= 99.9

    write_frames(tmp_path / "frames", 0, 8)
    write_frames(tmp_path / "others", 8, 4)
    capsys.readouterr()
    code = edgeseg("quantize", "./mine", "--data", "frames", "--eval", "others", "--method", "minmax")
    assert code == ("missed: " in capsys.readouterr().err)
    assert edgeseg("verify", "./mine", "--data", "others", "--record") == ("missed: " in capsys.readouterr().err)

    bundle = Bundle.open(tmp_path / "mine")
    kinds = {str(each): each for each in bundle.artifacts}
    best = "int8" if sums_int8_exactly() else SEVEN_BITS
    own = {f"onnxruntime {precision}" for precision in ("fp32", "int8", best)}
    assert set(kinds) == {*own, "tensorrt fp16", "tensorrt int8"}
    fp32 = kinds.pop("onnxruntime fp32")
    for each in kinds.values():
        agreement = each.measured.get(Agreement)
        assert agreement is not None
        assert (agreement.against, agreement.data, agreement.frames) == ("onnxruntime fp32", "others", 4)
        assert each.keeps_accuracy_of(fp32) == (agreement.mask_agreement >= GATE_AGREEMENT)
        assert each.precision == "fp16" or each.measured.get(Calibration) is not None
    choice = choose(bundle, threads=1)
    assert choice.candidate.artifact.keeps_accuracy_of(fp32) or choice.candidate.artifact == fp32
    assert (f"{best} left out" in str(choice)) or kinds[f"onnxruntime {best}"].keeps_accuracy_of(fp32)

    cv2.imwrite("street.png", sample_frames(None)[0])
    for precision in ("fp32", best):
        masks = tmp_path / precision
        assert edgeseg("run", "street.png", "--bundle", "./mine", "--precision", precision, "--masks", str(masks)) == 0
        (mask,) = masks.glob("*.png")
        ids = np.asarray(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE))  # of random weights, one class may win everywhere
        assert ids.shape == sample_frames(None)[0].shape[:2]
        assert ids.max() < CLASSES
    if find_spec("tensorrt_rtx") is not None:
        for precision in ("fp16", "int8"):
            assert edgeseg("compile", "./mine", "--target", "tensorrt-rtx", "--precision", precision) == 0
