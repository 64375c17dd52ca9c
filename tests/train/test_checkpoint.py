"""Checkpoints: a run is resumed to the same weights, and none is taken for another's."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.errors import OutputError, UsageError, WeightsError
from edgeseg.models import build
from edgeseg.models.weights import load_weights, save_weights
from edgeseg.processor import multiplies_bfloat16
from edgeseg.spec import Spec
from edgeseg.train import loop
from edgeseg.train.checkpoint import TrainingState, save_checkpoint
from edgeseg.train.loop import CHECKPOINT, WEIGHTS, train
from tests.train.conftest import SETTINGS, log_of, tensors_of


@pytest.mark.parametrize("how", ["signal", "crash"])
def test_a_resumed_run_ends_where_an_uninterrupted_one_ends(
    how: str, data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SETTINGS, checkpoint_minutes=60 if how == "signal" else 0)
    real, calls = loop._step, 0

    def stop_in_the_fifth_step(*args: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 5 and how == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        elif calls == 5:
            raise RuntimeError("the lights went out")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", stop_in_the_fifth_step)
        with pytest.raises(KeyboardInterrupt if how == "signal" else RuntimeError):
            train("unet", data, tmp_path, settings, name="tiny", licence="CC0")
    assert not (tmp_path / WEIGHTS).exists()

    train("unet", data, tmp_path, settings, name="tiny", licence="CC0", resume=True)
    for name in (WEIGHTS, CHECKPOINT):
        whole, resumed = tensors_of(finished / name), tensors_of(tmp_path / name)
        assert whole.keys() == resumed.keys()
        assert all(np.array_equal(whole[key], resumed[key]) for key in whole)
    logs = [log_of(folder) for folder in (finished, tmp_path)]
    for row in (row for log in logs for row in log):
        del row["images_per_second"]
    assert logs[0] == logs[1]


def test_a_checkpoint_from_before_a_setting_existed_is_resumed(data: Path, finished: Path, tmp_path: Path) -> None:
    with safe_open(finished / CHECKPOINT, framework="np") as file:
        header = dict(file.metadata())
    about = json.loads(header["about"])
    for setting in ("paste", "class_mix", "boundary", "new_rate", "classes"):
        del about[setting]
    save_file(tensors_of(finished / CHECKPOINT), tmp_path / CHECKPOINT, {**header, "about": json.dumps(about)})
    train("unet", data, tmp_path, SETTINGS, name="tiny", licence="CC0", resume=True)
    with pytest.raises(WeightsError, match=r"other settings \(paste\)"):
        train("unet", data, tmp_path, replace(SETTINGS, paste=0.5), resume=True)


def test_a_resumed_run_computes_as_it_began(
    data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = load_weights(finished / WEIGHTS).training["settings"]["autocast"]
    assert begun is multiplies_bfloat16()
    shutil.copytree(finished, tmp_path / "moved")
    monkeypatch.setattr("edgeseg.train.device.multiplies_bfloat16", lambda: not begun)  # to another machine
    with pytest.raises(WeightsError, match=r"other settings \(autocast\)"):
        train("unet", data, tmp_path / "moved", SETTINGS, resume=True)
    train("unet", data, tmp_path / "moved", replace(SETTINGS, autocast=begun), resume=True)


def test_nothing_to_resume_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkpoint"):
        train("unet", data, tmp_path, SETTINGS, resume=True)


def test_another_runs_checkpoint_is_refused(data: Path, finished: Path) -> None:
    with pytest.raises(WeightsError, match=r"other settings \(rate\)"):
        train("unet", data, finished, replace(SETTINGS, rate=0.5), resume=True)


def test_a_run_is_not_resumed_with_other_classes(data: Path, finished: Path, tmp_path: Path) -> None:
    """As many had been taken for the same, and more of them for damage of the checkpoint."""
    changed = shutil.copytree(data, tmp_path / "data")
    classes = CAMVID.to_json()
    (changed / "classes.json").write_text(json.dumps({**classes, "classes": classes["classes"][::-1]}))
    with pytest.raises(WeightsError, match=r"a run with other settings \(classes\); give the same"):
        train("unet", changed, finished, SETTINGS, resume=True)


def test_a_damaged_checkpoint_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(WeightsError, match="not a checkpoint"):
        train("unet", data, tmp_path, SETTINGS, resume=True)


def test_a_full_disk_is_said_of_a_checkpoint_and_of_weights(tmp_path: Path, spec: Spec) -> None:
    network = build("unet", len(spec.classes), 0.05)
    state = TrainingState.of(network, SETTINGS, ())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*a\.safetensors: File too large"):
            save_checkpoint(tmp_path / "a.safetensors", {}, {"epochs": []}, state)
        with pytest.raises(OutputError, match=r"cannot write .*b\.safetensors: File too large"):
            save_weights(tmp_path / "b.safetensors", network, "unet", 0.05, spec, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
