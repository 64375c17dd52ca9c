"""Quantisation of real networks with random weights: INT8 for both runtimes, FP16, the calibration's rules."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from torch.nn import functional

from edgeseg.accuracy.dataset import Dataset
from edgeseg.agreement import Agreement
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, DataError, EdgeSegWarning, ExportError, OutputError
from edgeseg.measured import Calibration, Measured
from edgeseg.models import NETWORKS, build
from edgeseg.models.weights import save_weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.calibration import cache_file, read_cache
from edgeseg_export.precision.calibration_data import refuse_overlap, refuse_seen
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.qdq import LARGEST, LARGEST_OF_SEVEN_BITS, corrected_bias, weight_grid
from edgeseg_export.precision.quantize import astray, quantize
from edgeseg_export.precision.to_half import to_half
from edgeseg_export.to_onnx import export

TRAINING = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}


def crops(number: int, width: int = 93, height: int = 61) -> list[NDArray[np.uint8]]:
    """Different parts of the street pictures."""
    random, pictures = np.random.default_rng(3), sample_frames(None)
    areas = []
    for place in range(number):
        picture = pictures[place % len(pictures)]
        top, left = (
            int(random.integers(0, side - least)) for side, least in zip(picture.shape, (height, width), strict=False)
        )
        areas.append(np.ascontiguousarray(picture[top : top + height, left : left + width]))
    return areas


def write_images(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True)
    for place, crop in enumerate(crops(number)):
        cv2.imwrite(str(folder / f"{place:03}.png"), crop)
    return folder


def float_bundle(net: str, folder: Path) -> Bundle:
    torch.manual_seed(1)
    spec = Spec("tiny", 93, 61, "stretch", NETWORKS[net].strides[0], ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")
    save_weights(folder / "w.safetensors", build(net, 3, 0.2), net, 0.2, spec, TRAINING)
    return export(folder / "w.safetensors", folder / "tiny")


@pytest.fixture(scope="module", params=["lite-fpn", "unet"])
def net(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(net: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("quantize")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESEG_CACHE", str(folder / "cache"))
        images = write_images(folder / "images", 40)
        return quantize(float_bundle(net, folder), images, method="minmax", seven_bits=True).bundle


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return float_bundle("unet", tmp_path)


def graph_of(bundle: Bundle, target: str, precision: str) -> onnx.ModelProto:
    return onnx.load(bundle.path(bundle.artifact(target=target, precision=precision)))


def constants(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_every_artifact_is_there_measured_and_close_to_fp32(bundle: Bundle) -> None:
    kinds = {str(artifact): artifact.measured.facts for artifact in Bundle.open(bundle.folder).artifacts}
    assert set(kinds) == {
        *("onnxruntime fp32", "onnxruntime int8", "onnxruntime int8-7bit", "tensorrt fp16", "tensorrt int8")
    }
    assert kinds["tensorrt fp16"]["agreement"]["mask_agreement"] > 99
    assert 0 < kinds["tensorrt fp16"]["float16"]["largest_of_range"] < 0.1
    for kind in ("onnxruntime int8", "onnxruntime int8-7bit", "tensorrt int8"):
        assert kinds[kind]["calibration"]["method"] == "minmax"
        assert kinds[kind]["agreement"]["mask_agreement"] > 90


def test_seven_bits_are_seven(bundle: Bundle) -> None:
    for precision, largest in (("int8", LARGEST), ("int8-7bit", LARGEST_OF_SEVEN_BITS)):
        values = constants(graph_of(bundle, "onnxruntime", precision)).values()
        weights = [np.abs(each.astype(int)).max() for each in values if each.dtype == np.int8 and each.ndim == 4]
        assert len(weights) > 5
        assert max(weights) == largest


def test_the_camera_bytes_are_the_first_quantised_tensor(bundle: Bundle, net: str, tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    path = bundle.path(bundle.artifact(target="onnxruntime", precision="int8"))
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    nodes = list(onnx.load(tmp_path / "optimised.onnx").graph.node)
    kinds = [node.op_type for node in nodes]
    if net != "unet":  # it pads its input to a multiple of 16 before the first convolution
        assert [node.op_type for node in nodes if "frame" in node.input] == ["QLinearConv"]
        assert kinds.count("Conv") == 0
        assert kinds.count("Gemm") == 1  # the last, float
    first = next(node for node in nodes if node.op_type == "QLinearConv")
    values = constants(onnx.load(tmp_path / "optimised.onnx"))
    assert (values[first.input[1]].item(), values[first.input[2]].item()) == (1 / 128, 127)


def test_the_last_convolution_stays_float(bundle: Bundle) -> None:
    weight = {"onnxruntime": "network.head.weight.matrix", "tensorrt": "network.head.weight"}
    for target, name in weight.items():
        assert constants(graph_of(bundle, target, "int8"))[name].dtype in (np.float32, np.float16)


def test_int8_for_tensorrt_keeps_the_parsers_rules(bundle: Bundle) -> None:
    model = graph_of(bundle, "tensorrt", "int8")
    values, producers = constants(model), {name: node for node in model.graph.node for name in node.output}
    quantised = [node for node in model.graph.node if node.op_type.endswith("QuantizeLinear")]
    assert quantised
    for node in quantised + [node for node in model.graph.node if node.op_type == "DequantizeLinear"]:
        assert values[node.input[2]].dtype == np.int8
        assert not values[node.input[2]].any()
        assert values[node.input[1]].dtype == np.float16
    for node in model.graph.node:
        if node.op_type in ("Resize", "MaxPool", "Slice"):
            assert producers[node.input[0]].op_type != "DequantizeLinear"
        if node.op_type == "Resize" and node.input[2]:
            assert values[node.input[2]].dtype == np.float32
        if node.op_type == "Add":
            both = [name in producers and producers[name].op_type == "DequantizeLinear" for name in node.input]
            assert sum(both) <= 1
    assert model.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_biases_are_corrected_for_what_rounding_adds() -> None:
    """Means that were measured make the mean of the output right: of a full and of a depthwise convolution."""
    random = np.random.default_rng(5)
    inputs = (random.normal(size=(1, 8, 40, 40)) + random.normal(size=(1, 8, 1, 1)) * 4).astype(np.float32)
    for groups in (1, 8):
        weights = (random.normal(size=(16, 8 // groups, 3, 3)) * 0.1).astype(np.float32)
        weights[:, 0, 0, 0] = 8  # an outlier makes the grid coarse
        bias = random.normal(size=16).astype(np.float32)
        grid, levels = weight_grid(weights)
        corrected = corrected_bias(bias, weights, grid, levels, inputs.mean(axis=(0, 2, 3)).astype(np.float64))
        rounded = levels * grid.scale.reshape(-1, 1, 1, 1)
        means = [
            functional.conv2d(torch.from_numpy(inputs), torch.tensor(kernel), torch.tensor(offset), groups=groups)
            .mean((0, 2, 3))
            .numpy()
            for kernel, offset in ((weights, bias), (rounded, bias), (rounded, corrected.astype(np.float32)))
        ]
        assert np.abs(means[2] - means[0]).max() < 0.1 * np.abs(means[1] - means[0]).max()


def test_auto_takes_the_best_score_and_few_frames_are_warned_of(plain: Bundle, tmp_path: Path) -> None:
    result = quantize(plain, write_images(tmp_path / "images", 12))
    calibration = result.bundle.artifact(target="onnxruntime", precision="int8").measured.facts["calibration"]
    assert result.scores[calibration["method"]] == max(result.scores.values())
    assert len(result.scores) == 4
    assert "9 frames" in result.warnings[0]


@pytest.mark.parametrize(("worst", "said"), [(3.25, True), (90.0, False)])
def test_a_single_wrong_frame_is_said_though_the_mean_is_good(worst: float, said: bool) -> None:
    fact = Agreement("onnxruntime fp32", 98.9, worst, 1.0, 1.0, 64)
    sentences = astray([Artifact("a.onnx", "onnxruntime", "int8", 64 * "0", 1, Measured.of(fact))])
    assert len(sentences) == said
    assert not said or sentences[0].startswith("onnxruntime int8 gives 3.25 % of fp32's pixels in its worst frame, ")


def test_the_pass_is_cached_by_content(plain: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_images(tmp_path / "images", 8)
    first = quantize(plain, images, method="mse").bundle
    monkeypatch.setattr("edgeseg_export.precision.prepare.calibrate", None)  # a second pass would fail
    second = quantize(first, images, method="mse").bundle
    hashes = [bundle.artifact(target="tensorrt", precision="int8").sha256 for bundle in (first, second)]
    assert hashes[0] == hashes[1]
    assert cache_file("a", ["b"]) != cache_file("a", ["c"]) != cache_file("b", ["c"])
    (file,) = (tmp_path / "cache").glob("calibration-*.npz")
    assert read_cache(file) is not None
    file.write_bytes(file.read_bytes()[:-9])
    assert read_cache(file) is None
    assert not file.exists()


def labelled(folder: Path, names: dict[str, list[NDArray[np.uint8]]]) -> Path:
    for split, frames in names.items():
        for place, frame in enumerate(frames):
            for kind, picture in ((split, frame), (f"{split}annot", np.zeros(frame.shape[:2], np.uint8))):
                (folder / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / kind / f"{split}{place}.png"), picture)
    (folder / "classes.json").write_text(
        '{"classes": [{"name": "a", "colour": [0,0,0]}, {"name": "b", "colour": [1,0,0]}, '
        '{"name": "c", "colour": [2,0,0]}], "ignore": null}'
    )
    return folder


def test_a_shared_image_is_refused_and_nothing_changes(plain: Bundle, tmp_path: Path) -> None:
    frames = crops(9)
    data = labelled(tmp_path / "data", {"train": frames, "val": [*crops(12)[9:], frames[4]]})
    before = {path.name: path.read_bytes() for path in plain.folder.iterdir()}
    with pytest.raises(DataError, match=r"1 image .*val3.png"):
        quantize(plain, data, evaluation=Dataset.open(data, "val"))
    assert {path.name: path.read_bytes() for path in plain.folder.iterdir()} == before
    (data / "val" / "val3.png").unlink()
    (data / "valannot" / "val3.png").unlink()
    result = quantize(plain, data, evaluation=Dataset.open(data, "val")).bundle
    calibration = result.artifact(target="onnxruntime", precision="int8").measured.get(Calibration)
    assert calibration is not None
    assert calibration.scored_by == "miou"
    assert all("miou" in artifact.measured.facts["evaluation"] for artifact in result.artifacts)
    with pytest.raises(DataError, match="served for calibration"):
        refuse_overlap(set(calibration.frames_sha256), Dataset.open(data, "train"))


def test_a_data_set_without_splits_keeps_a_fifth_to_be_measured_on(plain: Bundle, tmp_path: Path) -> None:
    data = labelled(tmp_path / "data", {"images": crops(20)})
    (data / "imagesannot").rename(data / "masks")
    result = quantize(plain, data, method="minmax").bundle  # "train", which verify's "val" may not share a frame with
    artifact = result.artifact(target="onnxruntime", precision="int8")
    refuse_seen(artifact, Dataset.open(data, "val"))
    with pytest.raises(DataError, match="served for calibration"):
        refuse_seen(artifact, Dataset.open(data, "train"))


def test_without_labels_other_frames_prove_it(plain: Bundle, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 12)
    shared = FrameSet.open(write_images(tmp_path / "shared", 3))
    with pytest.raises(DataError, match=r"3 of 3 frames of .*shared served for calibration"):
        quantize(plain, images, method="minmax", evaluation=shared)
    others = tmp_path / "others"
    others.mkdir()
    for place, frame in enumerate(crops(15)[12:]):
        cv2.imwrite(str(others / f"{place}.png"), frame)
    result = quantize(plain, images, method="minmax", evaluation=FrameSet.open(others), min_agreement=99.999)
    for artifact in result.bundle.artifacts:
        agreement = artifact.measured.get(Agreement)
        if artifact.precision != "fp32":
            assert agreement is not None
            assert (agreement.data, agreement.frames, agreement.least) == ("others", 3, 99.999)
    (int8,) = (each for each in result.misses if each.startswith("onnxruntime int8: its masks have "))
    assert int8.endswith("in 3 frames of others, expected 99.999 %; it is used only if asked for")
    fp32 = result.bundle.artifact(target="onnxruntime", precision="fp32")
    assert result.bundle.artifacts[0] == fp32  # what loses too much is not the first


def test_labels_of_other_classes_choose_nothing_and_that_is_said(plain: Bundle, tmp_path: Path) -> None:
    data = labelled(tmp_path / "data", {"train": crops(9)})
    (data / "classes.json").write_text((data / "classes.json").read_text().replace('"c"', '"d"'))
    with pytest.warns(EdgeSegWarning, match="its labels choose nothing"):
        result = quantize(plain, data).bundle
    calibration = result.artifact(target="onnxruntime", precision="int8").measured.get(Calibration)
    assert calibration is not None
    assert calibration.scored_by == "mask agreement"


def test_bad_input(plain: Bundle, tmp_path: Path, make_bundle: Callable[..., Bundle], spec: Spec) -> None:
    with pytest.raises(DataError, match=r"there is no .*nowhere; give a data set, a video, or a folder of pictures"):
        quantize(plain, tmp_path / "nowhere")
    with pytest.raises(DataError, match="expected at least 2"):
        quantize(plain, write_images(tmp_path / "one", 1))
    other = Bundle(plain.folder, plain.spec, plain.artifacts[:0] + make_bundle(tmp_path / "b", spec).artifacts)
    with pytest.raises(BundleError):
        quantize(other, write_images(tmp_path / "images", 4))
    quantised = replace(plain, artifacts=(replace(plain.artifacts[0], precision="int8"),))
    with pytest.raises(BundleError, match="has onnxruntime int8, but no fp32 to start from; import the float network"):
        quantize(quantised, write_images(tmp_path / "more", 4))


def test_a_full_disk_leaves_the_bundle_as_it_was(
    plain: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in plain.folder.iterdir()}
    images = write_images(tmp_path / "images", 4)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for place in ("edgeseg_export.precision.quantize.onnx.save_model", "edgeseg.bundle.Path.write_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            with pytest.raises(OutputError, match="No space left"):
                quantize(plain, images, method="minmax")
    assert {path.name: path.read_bytes() for path in plain.folder.iterdir()} == before
    assert sorted(path.name for path in plain.folder.parent.iterdir() if path.name.startswith(".")) == []


def test_a_constant_beyond_float16_is_named(plain: Bundle) -> None:
    graph = FloatGraph.load(plain.path(plain.artifacts[0]))
    graph.constants["network.head.bias"] = np.full(3, 1e6, np.float32)
    with pytest.raises(ExportError, match=r"network\.head\.bias"):
        to_half(graph)
