"""`edgeseg eval --record`: where the figures go, and which images cannot give any."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.commands.eval import eval_command
from edgeseg.commands.quantize import quantize_command
from edgeseg.commands.verify import verify_command
from edgeseg.errors import DataError, UsageError
from edgeseg.measured import Calibration, Evaluation, HeldOut
from edgeseg.spec import Spec
from edgeseg_export.card_artifacts import with_artifacts
from edgeseg_export.precision.calibration_data import frame_hash


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    """One whose card lists its artifacts, as those of export and quantize do."""
    made = make_bundle(tmp_path / "plain", spec)
    files = {made.path(artifact): artifact for artifact in made.artifacts}
    return write_bundle(tmp_path / "bundle", spec, files, with_artifacts("# tiny\n\nWords.\n", made.artifacts))


@pytest.fixture
def data(tmp_path: Path, spec: Spec) -> Path:
    """Two splits, val and test, of one image each."""
    folder = tmp_path / "data"
    for number, split in enumerate(("val", "test")):
        for kind, value in (("images", 90 + number), ("masks", number)):
            (folder / kind / split).mkdir(parents=True)
            channels = (18, 30, 3) if kind == "images" else (18, 30)
            cv2.imwrite(str(folder / kind / split / "0.png"), np.full(channels, value, np.uint8))
    classes = [{"name": name, "colour": colour} for name, colour in zip(spec.classes, spec.palette, strict=True)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return folder


def test_the_test_split_stands_beside_the_others_and_in_the_card(bundle: Bundle, data: Path) -> None:
    for split in ("val", "test"):
        assert eval_command(data, bundle=str(bundle.folder), split=split, record=True) == 0
    measured = Bundle.open(bundle.folder).artifacts[0].measured
    evaluation, held_out = measured.get(Evaluation), measured.get(HeldOut)
    assert evaluation is not None
    assert held_out is not None
    assert (evaluation.split, held_out.split) == ("val", "test")
    card = (bundle.folder / "README.md").read_text()
    assert card.startswith("# tiny\n\nWords.\n")
    assert f"| {evaluation.miou:.2f} | {held_out.miou:.2f} |" in card
    assert "Test mIoU: test split, 1 image, on which nothing was chosen." in card


def test_a_bundle_of_the_package_is_not_changed(data: Path) -> None:
    """Of all that write into a bundle, each names the copy to make."""
    changing: tuple[Callable[[], int], ...] = (
        lambda: eval_command(data, split="val", record=True),
        lambda: verify_command("road", data=data, record=True),
        lambda: quantize_command("road-nano", data=data),
    )
    for change in changing:
        with pytest.raises(UsageError, match=r"came with edgeseg, .*: cp -r .*/road(-nano)? \./road"):
            change()


def test_what_another_runtime_gives_stands_apart(bundle: Bundle, data: Path) -> None:
    pytest.importorskip("openvino")
    eval_command(data, bundle=str(bundle.folder), split="val", record=True)
    before = Bundle.open(bundle.folder).artifacts[0].measured.get(Evaluation)
    eval_command(data, bundle=str(bundle.folder), split="val", engine="openvino", record=True)
    measured = Bundle.open(bundle.folder).artifacts[0].measured
    elsewhere = measured.get(Evaluation, engine="openvino")
    assert measured.get(Evaluation) == before
    assert elsewhere is not None
    assert elsewhere.engine == "openvino"


def test_images_that_calibrated_are_not_recorded(bundle: Bundle, data: Path) -> None:
    digest = frame_hash(Dataset.open(data, "val").load(0)[0])[:16]
    calibration = Calibration("mse", (), {}, "miou", "val", 1, (digest,))
    changed = bundle.record(bundle.artifacts[0], calibration)
    with pytest.raises(DataError, match="served for calibration"):
        eval_command(data, bundle=str(bundle.folder), split="val", record=True)
    assert Bundle.open(bundle.folder) == changed
    assert eval_command(data, bundle=str(bundle.folder), split="val") == 0  # to look at them is no claim


@pytest.mark.filterwarnings("ignore:this processor has no VNNI")
def test_what_saturates_here_is_not_recorded_for_other_machines(
    bundle: Bundle, data: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)
    artifact = replace(bundle.artifacts[0], precision="int8")
    folder = write_bundle(bundle.folder, spec, {bundle.path(artifact): artifact}, None).folder
    before = (folder / "bundle.json").read_bytes()
    with pytest.raises(UsageError, match="does not lose elsewhere, so nothing is recorded"):
        eval_command(data, bundle=str(folder), precision="int8", split="val", record=True)
    assert (folder / "bundle.json").read_bytes() == before
    assert eval_command(data, bundle=str(folder), precision="int8", split="val") == 0


def test_classes_of_other_names_are_mapped_as_the_user_says(
    bundle: Bundle, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = json.loads((data / "classes.json").read_text())
    for each, name in zip(classes["classes"], ("Street", "CAR", "ocean"), strict=True):
        each["name"] = name
    (data / "classes.json").write_text(json.dumps(classes))
    assert eval_command(data, bundle=str(bundle.folder), split="val", map=("road=Street",), json=True) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures["iou"]) == ["Street", "CAR"]
    assert figures["renamed"] == {"Street": ["road"]}
    assert figures["left_over"] == [["sky"], ["ocean"]]
    assert eval_command(data, bundle=str(bundle.folder), split="val", map=("road=Street",)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Street is the network's road" in said
    assert "2 classes enter the mean: Street, CAR" in said
    with pytest.raises(DataError, match="the data set has no class 'Strasse' to map"):
        eval_command(data, bundle=str(bundle.folder), split="val", map=("road=Strasse",))
