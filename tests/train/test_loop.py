"""Real, tiny runs: a few steps on a few small pictures."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, DataError, TrainingError, UsageError, WeightsError
from edgeseg.models.weights import load_weights
from edgeseg.processor import multiplies_bfloat16
from edgeseg.spec import Spec
from edgeseg.train import loop
from edgeseg.train.loop import CHECKPOINT, CURVE, LOG, WEIGHTS, train
from tests.train.conftest import SETTINGS, log_of, tensors_of


def test_a_run_leaves_weights_log_curve_and_checkpoint(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == sorted([CHECKPOINT, LOG, CURVE, WEIGHTS])
    rows = log_of(finished)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert [bool(row["val_miou"]) for row in rows] == [False, True, True]
    assert cv2.imread(str(finished / CURVE)) is not None


def test_weights_say_what_they_are(finished: Path) -> None:
    weights = load_weights(finished / WEIGHTS)
    spec = weights.spec
    assert (weights.net, weights.width) == ("unet", 0.05)
    assert (spec.name, spec.width, spec.height, spec.stride, spec.licence) == ("tiny", 48, 40, 1, "CC0")
    assert len(spec.classes) == 11
    assert weights.training["settings"] == replace(SETTINGS, autocast=multiplies_bfloat16()).to_json()
    assert len(weights.training["data"]) == 64
    assert weights.training["hardware"].endswith("threads") or SETTINGS.device != "cpu"
    assert 0 <= weights.training["hours"] < 1


def test_a_fault_in_val_is_found_before_training(data: Path, tmp_path: Path) -> None:
    """It had ended the run at its first validation, after hours."""
    faulty = shutil.copytree(data, tmp_path / "data")
    cv2.imwrite(str(faulty / "valannot/1.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match="they must have one size"):
        train("unet", faulty, tmp_path / "run", SETTINGS)
    assert not (tmp_path / "run").exists()


def test_a_val_of_which_nothing_counts_is_found_before_training(data: Path, tmp_path: Path) -> None:
    """It had been measured all the same, as "val mIoU nan %"."""
    faulty = shutil.copytree(data, tmp_path / "data")
    for mask in (faulty / "valannot").iterdir():
        cv2.imwrite(str(mask), np.full((40, 48), 11, np.uint8))
    with pytest.raises(DataError, match=r"every pixel of val is ignored; .* or give --validate-every 0"):
        train("unet", faulty, tmp_path / "run", SETTINGS)
    train("unet", faulty, tmp_path / "run", replace(SETTINGS, epochs=1, validate_every=0))


def test_paste_class_mix_and_boundary_are_in_the_record_and_change_the_run(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    plain = log_of(finished)[0]["loss"]
    changes = {
        "paste": replace(SETTINGS, paste=1.0),
        "class_mix": replace(SETTINGS, class_mix=1.0),
        "boundary": replace(SETTINGS, boundary=1.0),
    }
    for option, settings in changes.items():
        train("unet", data, tmp_path / option, settings)
        weights = load_weights(tmp_path / option / WEIGHTS)
        assert weights.training["settings"][option] == 1.0
        if option == "paste":  # no class of these pictures is rare
            assert log_of(tmp_path / option)[0]["loss"] == plain
        else:
            assert log_of(tmp_path / option)[0]["loss"] != plain


def test_a_run_starts_from_what_fits_of_another(data: Path, finished: Path, tmp_path: Path) -> None:
    start = finished / CHECKPOINT
    learned = tensors_of(start)
    train("unet", data, tmp_path / "same", replace(SETTINGS, epochs=1, rate=1e-9, ema=0.0), start=start)
    begun = tensors_of(tmp_path / "same" / CHECKPOINT)
    weight = next(name for name in begun if name.startswith("network/") and name.endswith(".weight"))
    assert np.allclose(begun[weight], learned[weight.replace("network/", "average/")], atol=1e-6)
    record = load_weights(tmp_path / "same" / WEIGHTS).training["start"]
    assert (record["run"]["net"], record["epochs"], record["new"]) == ("unet", 3, [])
    assert record["sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()


def test_a_start_of_another_kind_is_refused(data: Path, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="kindred"):
        train("segnet-basic", data, tmp_path / "other", SETTINGS, start=finished / CHECKPOINT)
    with pytest.raises(WeightsError, match="not a checkpoint"):
        train("unet", data, tmp_path / "other", SETTINGS, start=finished / CURVE)
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_diverged_is_refused(data: Path, finished: Path, tmp_path: Path) -> None:
    tensors = tensors_of(finished / CHECKPOINT)
    name = next(each for each in tensors if each.startswith("average/") and each.endswith(".weight"))
    tensors[name].flat[0] = np.nan
    with safe_open(finished / CHECKPOINT, framework="np") as file:
        save_file(tensors, tmp_path / CHECKPOINT, file.metadata())
    with pytest.raises(WeightsError, match=f"NaN or infinity in 1 tensor, the first {name.removeprefix('average/')}"):
        train("unet", data, tmp_path / "run", SETTINGS, start=tmp_path / CHECKPOINT)


def test_a_start_or_teacher_that_is_none_is_refused_before_the_data_is_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TrainingSet", None)
    for wrong in ({"start": "nowhere"}, {"teachers": ["nowhere"]}):
        with pytest.raises(BundleError, match="nowhere"):
            train("unet", data, tmp_path / "none", SETTINGS, **wrong)
    assert not (tmp_path / "none").exists()


def test_a_run_with_a_teacher_learns_from_it_and_says_so(
    data: Path, finished: Path, tmp_path: Path, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    spec = replace(load_weights(finished / WEIGHTS).spec, width=32, height=32)
    make_bundle(tmp_path / "teacher", spec)
    settings = replace(SETTINGS, epochs=1)
    for name, teachers in (("alone", []), ("taught", [str(tmp_path / "teacher")] * 2)):
        train("unet", data, tmp_path / name, settings, teachers=teachers)
    alone, taught = (load_weights(tmp_path / name / WEIGHTS).training for name in ("alone", "taught"))
    assert "teachers" not in alone
    assert [teacher["bundle"] for teacher in taught["teachers"]] == [spec.name] * 2
    assert taught["log"][0]["loss"] > alone["log"][0]["loss"]  # the teacher knows nothing: agreeing with it costs
    with pytest.raises(WeightsError, match=r"other settings \(teachers\)"):
        train("unet", data, tmp_path / "taught", settings, resume=True)


def test_a_run_is_not_overwritten(data: Path, finished: Path) -> None:
    with pytest.raises(UsageError, match="--resume"):
        train("unet", data, finished, SETTINGS)


def test_divergence_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="diverged"):
        train("unet", data, tmp_path, replace(SETTINGS, rate=1e30, autocast=False, epochs=10))


def test_a_few_pictures_that_are_not_divided_are_trained_on_without_a_val(data: Path, tmp_path: Path) -> None:
    """They had been refused, as a fifth of them is none."""
    for folder, source in (("images", "train"), ("masks", "trainannot")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for index in range(2):
            shutil.copy(data / source / f"{index}.png", tmp_path / "data" / folder / f"p0{index}.png")
    (tmp_path / "data/classes.json").write_text(json.dumps(CAMVID.to_json()))
    train("unet", tmp_path / "data", tmp_path / "run", replace(SETTINGS, epochs=1, validate_every=1))
    assert [row["val_miou"] for row in log_of(tmp_path / "run")] == [""]


def test_fewer_images_than_a_batch(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="smaller --batch"):
        train("unet", data, tmp_path / "out", replace(SETTINGS, batch=7))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("net", ["fast-scnn", "unet"])
def test_a_batch_of_one_that_cannot_be_normalised_is_refused(net: str, data: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, batch=1, crop="16x16", accept=False)  # before what the labels lack is said
    with pytest.raises(UsageError, match=r"crop of 16x16 down to one value a channel.*--batch 2"):
        train(net, data, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
