"""Fine-tuning what a bundle or a file holds: the network starts with the bundle's own answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.bundle import Bundle
from edgeseg.commands.train import train_command
from edgeseg.errors import BundleError, WeightsError
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import load_weights
from edgeseg.segmenter import load
from edgeseg.train import loop
from edgeseg.train.data import TrainingSet
from edgeseg.train.loop import CHECKPOINT, WEIGHTS, train
from edgeseg.train.settings import TrainSettings
from edgeseg.train.start import initial_network, network_of
from edgeseg.train.statistics import measure_statistics
from edgeseg_export.closeness import TOLERANCE
from edgeseg_export.to_onnx import export

CLASSES = ("far", "near", "thing")
SETTINGS = TrainSettings(
    epochs=1, batch=2, crop="64x32", width=0.05, rate=1e-3, warmup=0.5, pretrained=False, threads=1, device="cpu"
)


def _write(folder: Path, classes: tuple[str, ...], count: int) -> Path:
    """A plain data set: pictures of 64x48 with a bright band for each class."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(count):
            label = np.repeat(np.arange(48) * len(classes) // 48, 64).reshape(48, 64).astype(np.uint8)
            frame = (label[..., None] * 60 + random.integers(0, 40, (48, 64, 3))).astype(np.uint8)
            cv2.imwrite(str(folder / "images" / split / f"{index}.png"), frame)
            cv2.imwrite(str(folder / "masks" / split / f"{index}.png"), label)
    names = ", ".join(f'{{"name": "{name}", "colour": [{index}, 0, 0]}}' for index, name in enumerate(classes))
    (folder / "classes.json").write_text(f'{{"classes": [{names}], "ignore": 255}}')
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("data"), CLASSES, 4)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, and the bundle of what it gave."""
    out = tmp_path_factory.mktemp("runs")
    train("fast-scnn", data, out, SETTINGS)
    export(out / WEIGHTS, out / "bundle")
    return out


def _difference(network: nn.Module, bundle: str | Path, frames: list[np.ndarray]) -> float:
    """The largest difference of logits, as a fraction of the largest logit."""
    model, graph = load(bundle, precision="fp32"), FrameToLogits(network).eval()
    difference = largest = 0.0
    for frame in frames:
        tensor = model.prepare(frame)
        expected = model.infer(tensor)
        with torch.no_grad():
            logits = graph(torch.from_numpy(tensor)).numpy()
        difference = max(difference, float(np.abs(logits - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    return difference / largest


def _started(net: str, start: str | Path, data: Path, settings: TrainSettings, batches: int) -> tuple[nn.Module, Any]:
    """As `train` begins."""
    dataset = Dataset.open(data, "train")
    network, record, folded = initial_network(net, dataset.classes.names, settings, start)
    assert folded
    examples = TrainingSet(dataset, settings).batches(0, batches)
    measure_statistics(network, (batch.frames for batch in examples), torch.device("cpu"))
    return network, record


@pytest.mark.parametrize("start", ["bundle", WEIGHTS])
def test_the_start_gives_the_bundles_own_logits(start: str, finished: Path, data: Path) -> None:
    network, record = _started("fast-scnn", finished / start, data, SETTINGS, 2)
    dataset = Dataset.open(data, "val")
    assert _difference(network, finished / "bundle", [dataset.load(0)[0]]) < TOLERANCE
    assert {name.partition(".")[0] for name in record["new"]} == {"auxiliary"}
    assert (record["run"]["net"], record["run"]["epochs"], record["epochs"]) == ("fast-scnn", 1, 1)
    means = [tensor for name, tensor in network.state_dict().items() if name.endswith("running_mean")]
    assert sum(bool(tensor.any()) for tensor in means) == record["loaded"] // 2  # every norm but the auxiliary ones


@pytest.mark.parametrize(("bundle", "net"), [("road", "lite-fpn"), ("road-nano", "lite-fpn-nano-fused")])
def test_so_does_that_of_what_is_shipped_on_real_frames(bundle: str, net: str, camvid: Path) -> None:
    dataset = Dataset.open(camvid, "train")
    settings = TrainSettings(batch=1, crop="240x180", threads=1)
    few = replace(dataset, pairs=dataset.pairs[::60])
    network, record, folded = initial_network(net, dataset.classes.names, settings, bundle)
    examples = TrainingSet(few, settings).batches(0, 3)
    measure_statistics(network, (batch.frames for batch in examples), torch.device("cpu"))
    assert folded
    assert _difference(network, bundle, [few.load(index)[0] for index in range(2)]) < TOLERANCE
    assert record["bundle"] == bundle
    assert record["new"] == ["auxiliary.0.0", "auxiliary.0.1", "auxiliary.1"]


def test_other_classes_get_a_new_head_though_they_are_as_many(finished: Path) -> None:
    for classes in (("road", "rest"), ("road", "rest", "sky")):
        network, record, _ = initial_network("fast-scnn", classes, SETTINGS, finished / "bundle")
        assert {name.partition(".")[0] for name in record["new"]} == {"auxiliary", "head"}
        assert network.get_submodule("head").get_parameter("weight").shape[0] == len(classes)
    same, _, _ = initial_network("fast-scnn", CLASSES, SETTINGS, finished / "bundle")
    weights = load_weights(finished / WEIGHTS).network
    assert torch.equal(same.get_parameter("head.weight"), weights.get_parameter("head.weight"))
    assert not torch.equal(network.get_parameter("head.weight"), weights.get_parameter("head.weight"))


def test_so_they_do_from_a_checkpoint(finished: Path) -> None:
    """It had given its head to other classes, if they were as many."""
    _, record, _ = initial_network("fast-scnn", CLASSES, SETTINGS, finished / CHECKPOINT)
    assert record["new"] == []
    _, record, _ = initial_network("fast-scnn", CLASSES[::-1], SETTINGS, finished / CHECKPOINT)
    assert {name.partition(".")[0] for name in record["new"]} == {"auxiliary", "head"}


def test_another_network_or_width_is_refused_in_words(finished: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds fast-scnn at width 0\.05, but this run trains unet at width 0\.05"):
        initial_network("unet", CLASSES, SETTINGS, finished / "bundle")
    with pytest.raises(WeightsError, match=r"give edgeseg train fast-scnn --width 0\.05"):
        initial_network("fast-scnn", CLASSES, replace(SETTINGS, width=0.1), finished / WEIGHTS)


@pytest.mark.parametrize("start", ["bundle", WEIGHTS, CHECKPOINT])
def test_a_start_says_which_network_it_is_of(start: str, finished: Path) -> None:
    assert network_of(finished / start) == "fast-scnn"


def test_a_bundle_says_so_without_its_weights_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnx.load", lambda path: pytest.fail(f"{path} is read"))
    assert network_of("road") == "lite-fpn"


def test_the_command_trains_the_network_that_it_starts_from(finished: Path, data: Path, tmp_path: Path) -> None:
    assert train_command(data=data, out=tmp_path / "run", start=str(finished / "bundle"), settings=SETTINGS) == 0
    assert load_weights(tmp_path / "run" / WEIGHTS).net == "fast-scnn"


def test_what_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no file"):
        initial_network("unet", CLASSES, SETTINGS, tmp_path / WEIGHTS)
    with pytest.raises(WeightsError, match="there is no file"):
        network_of(tmp_path / WEIGHTS)
    with pytest.raises(BundleError, match="no bundle 'rode' comes with edgeseg"):
        initial_network("unet", CLASSES, SETTINGS, "rode")


def test_road_nano_becomes_ones_own_through_a_kill_and_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _write(tmp_path / "data", CLASSES, 12)
    settings = replace(SETTINGS, width=1.0, epochs=2, batch=4, checkpoint_minutes=0, validate_every=0)
    real, calls = loop._step, 0

    def lights_out_in_the_fourth_step(*args: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise RuntimeError("the lights went out")
        return real(*args)

    def begin(folder: Path, resume: bool = False) -> None:
        train("lite-fpn-nano-fused", data, folder, settings, name="mine", start="road-nano", resume=resume)

    begin(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", lights_out_in_the_fourth_step)
        with pytest.raises(RuntimeError, match="lights"):
            begin(tmp_path / "stopped")
    assert (tmp_path / "stopped" / CHECKPOINT).exists()
    begin(tmp_path / "stopped", resume=True)
    whole, resumed = (load_weights(tmp_path / folder / WEIGHTS) for folder in ("whole", "stopped"))
    tensors = resumed.network.state_dict()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in whole.network.state_dict().items())

    export(tmp_path / "stopped" / WEIGHTS, tmp_path / "bundle", data=data)
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.spec.classes == CLASSES
    record = bundle.artifact(target="onnxruntime", precision="fp32").measured.facts["training"]["start"]
    assert record["bundle"] == "road-nano"
    assert {name.partition(".")[0] for name in record["new"]} == {"auxiliary", "head"}
    assert load(tmp_path / "bundle", precision="fp32")(np.zeros((48, 64, 3), np.uint8)).shape == (48, 64)
