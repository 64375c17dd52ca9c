"""Labels that may overlap the whole way: import, run, eval, quantize, sensitivity, verify; truth from the original."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.accuracy.dataset import Dataset
from edgeseg.agreement import OriginalAgreement
from edgeseg.bundle import Bundle
from edgeseg.commands.eval import eval_command
from edgeseg.commands.run import run_command
from edgeseg.describe import tables
from edgeseg.measured import Calibration, Evaluation
from edgeseg.terminal import make_console
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.precision.sensitivity import sensitivity
from edgeseg_export.verify import Gate, verify
from edgeseg_export.verify_page import page
from edgeseg_export.verify_stages import stages
from tests.export.foreign.their_heads import sigmoid
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, by_hand, description, imported, network

LABELS = ("a", "b", "c", "d", "e/f")
THRESHOLD = 0.6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with the masks that the original network gives them, by its own rule."""
    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(0)
    model = network(sigmoid)
    for index in range(12):
        split = "train" if index < 8 else "val"
        coarse = random.integers(0, 256, (6, 8, 3), np.uint8)
        frame = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
        holds = by_hand(model, frame, description()["input"])[0] > THRESHOLD
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / split / f"{index}.png"), frame)
        for name, mask in zip(("a", "b", "c", "d", "e%2Ff"), holds, strict=True):
            (folder / "masks" / name / split).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / "masks" / name / split / f"{index}.png"), np.where(mask, 255, 0).astype(np.uint8))
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return imported(network(sigmoid), tmp_path, classes=list(LABELS), head="multi-label", threshold=THRESHOLD)


def test_eval_finds_what_the_original_gave(bundle: Bundle, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert eval_command(data, bundle=str(bundle.folder), split="val", record=True) == 0
    assert "e/f" in capsys.readouterr().out
    evaluation = Bundle.open(bundle.folder).artifacts[0].measured.get(Evaluation)
    assert evaluation is not None
    assert tuple(evaluation.iou) == LABELS
    assert evaluation.miou > 99.5
    make_console().print(tables(bundle))
    assert "labels that may overlap" in capsys.readouterr().out


def test_run_writes_a_folder_for_each_label(bundle: Bundle, data: Path, tmp_path: Path) -> None:
    picture = next((data / "images" / "val").glob("*.png"))
    folder, overlay = tmp_path / "masks", tmp_path / "overlay.png"
    assert run_command(str(picture), bundle=str(bundle.folder), masks=folder, out=overlay, engine="onnxruntime") == 0
    frame = np.asarray(cv2.imread(str(picture)), np.uint8)
    model = edgeseg.load(bundle)
    masks = model(frame)
    for label, mask in zip(("a", "b", "c", "d", "e%2Ff"), masks, strict=True):
        written = cv2.imread(str(folder / label / picture.name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(written), 255 * mask)
    assert np.array_equal(np.asarray(cv2.imread(str(overlay))), model.paint(masks, frame))


def test_quantize_sensitivity_and_verify_go_on(bundle: Bundle, data: Path) -> None:
    proof = bundle.artifacts[0].measured.get(OriginalAgreement)
    assert proof is not None
    assert proof.mask_agreement >= 99.9
    loss = sensitivity(bundle, data, images=2)
    assert loss.miou is not None
    assert loss.miou > 99
    quantised = quantize(bundle, data, evaluation=Dataset.open(data, "val")).bundle
    int8 = quantised.artifact(target="onnxruntime", precision="int8")
    calibration, evaluation = int8.measured.get(Calibration), int8.measured.get(Evaluation)
    assert calibration is not None
    assert calibration.scored_by == "miou"
    assert evaluation is not None
    assert evaluation.miou > 90
    compared = stages(quantised, None).stages
    dataset = Dataset.open(data, "val")
    results = verify(compared, dataset)
    assert results[0].matrix.classes == LABELS
    assert results[0].matrix.miou > 99.5
    assert all(result.agreement > 95 for result in results)
    assert any(result.agreement < 100 for result in results), "INT8 that changes nothing was not looked at"
    assert "e/f" in page(compared, results, dataset, Gate(), [])
