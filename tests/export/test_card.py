from __future__ import annotations

from typing import Any

from torch import nn

from edgeseg.agreement import TorchAgreement
from edgeseg.measured import Network
from edgeseg.models.weights import Weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.card import model_card

SPEC = Spec("lane", 64, 48, "letterbox", 4, ("road", "rest"), ((0, 0, 0), (9, 9, 9)), None, "CC0 of the data")
NETWORK = Network("unet", 0.5, 1_500_000, 2_500_000_000)
AGREEMENT = TorchAgreement(max_difference=1e-5, max_logit=20.0, mask_agreement=100.0, frames=4)


def card(**training: Any) -> str:
    record = {"settings": TrainSettings(epochs=7, seed=3).to_json(), "data": "d" * 64, "device": "cpu", **training}
    return model_card(Weights(nn.Identity(), "unet", 0.5, SPEC, record), SPEC, NETWORK, AGREEMENT, None)


def test_it_says_how_to_train_the_same_again() -> None:
    text = card(hardware="a processor, 2 threads", hours=1.26)
    assert "7 epochs on a processor, 2 threads, seed 3, 1.3 hours. To reproduce:" in text
    command = "edgeseg train unet --data DATA --out OUT --name lane --licence 'CC0 of the data' --epochs 7 --seed 3"
    assert f"\n    {command}\n" in text
    assert "CC0 of the data." in text


def test_a_start_is_a_command_before_it() -> None:
    run = {"net": "segnet", "data": "e" * 64, **TrainSettings(epochs=60, class_weights=False).to_json()}
    text = card(start={"sha256": "c" * 64, "run": run, "epochs": 60, "new": ["head", "refine.0"]})
    assert f"It started from 60 epochs of segnet (checkpoint `{'c' * 64}`); new parts: head, refine. To" in text
    first, second = (line.strip() for line in text.splitlines() if line.startswith("    edgeseg train"))
    assert first == "edgeseg train segnet --data DATA --out START1 --epochs 60 --no-class-weights"
    assert second.endswith("--epochs 7 --seed 3 --start START1/checkpoint.safetensors")


def test_starts_are_followed_to_the_first_and_teachers_named() -> None:
    teacher = {"bundle": "large", "sha256": "b" * 64}
    first = {"net": "segnet", **TrainSettings(epochs=60).to_json()}
    start = {"sha256": "1" * 64, "run": first, "epochs": 60, "new": []}
    second = {"net": "unet", **TrainSettings(epochs=30).to_json(), "start": start, "teacher": teacher}
    text = card(start={"sha256": "2" * 64, "run": second, "epochs": 30, "new": []}, teacher=teacher)
    assert "It started from 30 epochs of unet" in text
    assert "That run started from 60 epochs of segnet" in text
    assert f"learned from the logits of large (artifact `{'b' * 64}`)" in text
    commands = [line.split() for line in text.splitlines() if line.startswith("    edgeseg train")]
    assert [command[2] for command in commands] == ["segnet", "unet", "unet"]
    assert commands[0][-2:] == ["--epochs", "60"]
    assert commands[1][-4:] == ["--teacher", "large", "--start", "START2/checkpoint.safetensors"]
    assert commands[1][commands[1].index("--out") + 1] == "START1"
    assert commands[2][-4:] == ["--teacher", "large", "--start", "START1/checkpoint.safetensors"]


def test_a_teacher_for_larger_frames_is_no_shipped_one() -> None:
    text = card(teacher={"bundle": "road", "sha256": "b" * 64, "size": "640x480"})
    assert f"the logits of road, TEACHER, for frames of 640x480 (artifact `{'b' * 64}`)" in text
    (command,) = (line.split() for line in text.splitlines() if line.startswith("    edgeseg train"))
    assert command[-2:] == ["--teacher", "TEACHER"]


def test_all_teachers_are_named() -> None:
    text = card(teachers=[{"bundle": "large", "sha256": "b" * 64}, {"bundle": "wide", "sha256": "c" * 64}])
    assert f"the logits of large (artifact `{'b' * 64}`) and wide (artifact `{'c' * 64}`). To" in text
    (command,) = (line.split() for line in text.splitlines() if line.startswith("    edgeseg train"))
    assert command[-4:] == ["--teacher", "large", "--teacher", "wide"]


def test_a_bundle_or_a_weights_file_is_a_start_too() -> None:
    run = {"net": "unet", "data": "e" * 64, **TrainSettings(epochs=60).to_json()}
    start = {"sha256": "c" * 64, "run": run, "epochs": 60, "new": ["head"]}
    text = card(start={**start, "bundle": "street"})
    assert f"It started from 60 epochs of unet (bundle street, artifact `{'c' * 64}`); new parts: head." in text
    (command,) = (line for line in text.splitlines() if line.startswith("    edgeseg train"))
    assert command.endswith("--epochs 7 --seed 3 --start street")
    text = card(start={**start, "file": "weights.safetensors"})
    assert f"(weights `{'c' * 64}`)" in text
    assert text.count("    edgeseg train") == 2
    assert "--start START1/weights.safetensors\n" in text


def test_a_bundle_that_took_over_the_name_of_its_start_is_trained_from_the_first_run() -> None:
    run = {"net": "unet", "data": "e" * 64, **TrainSettings(epochs=60).to_json()}
    text = card(start={"sha256": "c" * 64, "run": run, "epochs": 60, "new": [], "bundle": "lane"})
    first, second = (line.strip() for line in text.splitlines() if line.startswith("    edgeseg train"))
    assert first == "edgeseg train unet --data DATA --out START1 --epochs 60"
    assert second.endswith("--epochs 7 --seed 3 --start START1/weights.safetensors")


def test_without_data_it_says_so() -> None:
    assert "Accuracy was not measured" in card()
