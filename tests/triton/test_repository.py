from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from edgeseg.bundle import Bundle
from edgeseg.engines.tensorrt.sidecar import Key, write_engine
from edgeseg.errors import BundleError, EdgeSegError, EngineError, OutputError, UsageError
from edgeseg.spec import Spec
from edgeseg.triton.repository import Serving, write_repository

ROAD = Bundle.open("road")


def config_of(repository: Path, model: str) -> pb.ModelConfig:
    """As Triton reads it."""
    return text_format.Parse((repository / model / "config.pbtxt").read_text(), pb.ModelConfig())


def plan_of(folder: Path, onnx_sha256: str, capability: str, product: str = "tensorrt") -> Path:
    """A file that begins as a plan does, with its notes; no card is needed to copy it."""
    magic = {"tensorrt": b"ftrt", "tensorrt-rtx": b"vtrt"}[product]
    plan = magic + bytes(20) + bytes([10, 3, 0, 26]) + b"layers of " + capability.encode()
    key = Key(product, "10.3.0.26", "Linux x86_64", capability, {}, onnx_sha256)
    file = folder / f"{product}{capability}.engine"
    write_engine(file, plan, key, {})
    return file


def test_the_model_of_masks(bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    assert write_repository(bundle, out, Serving(precision="fp32", instances=3)) == ["tiny", "tiny-network"]
    config = config_of(out, "tiny")
    assert (config.name, config.backend, config.max_batch_size) == ("tiny", "python", 0)
    assert [(each.name, each.data_type, list(each.dims), each.optional) for each in config.input] == [
        ("frame", pb.TYPE_UINT8, [-1, -1, 3], True),
        ("picture", pb.TYPE_UINT8, [-1], True),
    ]
    assert [(each.name, each.data_type, list(each.dims)) for each in config.output] == [
        ("mask", pb.TYPE_UINT8, [-1, -1]),
        ("mask_png", pb.TYPE_UINT8, [-1]),
        ("network", pb.TYPE_UINT8, [32]),
    ]
    assert [(group.count, group.kind) for group in config.instance_group] == [(3, pb.ModelInstanceGroup.KIND_CPU)]
    assert (out / "tiny" / config.output[0].label_filename).read_text() == "road\ncar\nsky\n"
    digest = hashlib.sha256((bundle.folder / "bundle.json").read_bytes()).hexdigest()
    assert {name: value.string_value for name, value in config.parameters.items()} == {
        "edgeseg.bundle_sha256": digest,
        "edgeseg.engine": "onnxruntime",
        "edgeseg.precision": "fp32",
    }
    copied = Bundle.open(out / "tiny/1/bundle")
    copied.verify()
    assert {path.name: path.read_bytes() for path in copied.folder.iterdir()} == {
        path.name: path.read_bytes() for path in bundle.folder.iterdir()
    }


@pytest.mark.parametrize("model", ["tiny", "tiny-network"])
def test_it_is_warmed_up_with_the_golden_frames(bundle: Bundle, tmp_path: Path, model: str) -> None:
    out = tmp_path / "repository"
    write_repository(bundle, out, Serving())
    samples = config_of(out, model).model_warmup
    frames = [pair.frame for pair in bundle.golden_frames()]
    assert len(samples) == len(frames) == 2
    for sample, frame in zip(samples, frames, strict=True):
        given = sample.inputs["frame"]
        content = (out / model / "warmup" / given.input_data_file).read_bytes()
        assert np.array_equal(np.frombuffer(content, np.uint8).reshape(given.dims).reshape(frame.shape), frame)
        assert (given.data_type, len(given.dims)) == (pb.TYPE_UINT8, 3 if model == "tiny" else 4)


def test_the_network_is_described_as_its_file_says(tmp_path: Path) -> None:
    out = tmp_path / "repository"
    write_repository(ROAD, out, Serving())
    config = config_of(out, "road-network")
    file = out / "road-network/1" / config.default_model_filename
    artifact = ROAD.artifact(target="onnxruntime")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == artifact.sha256
    graph = onnx.load(file).graph
    for described, value in zip((*config.input, *config.output), (*graph.input, *graph.output), strict=True):
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        assert (described.name, list(described.dims)) == (value.name, shape)
    assert [each.data_type for each in (*config.input, *config.output)] == [pb.TYPE_UINT8, pb.TYPE_FP32]
    assert (config.platform, config.max_batch_size) == ("onnxruntime_onnx", 0)
    labels = (out / "road-network/labels.txt").read_text().splitlines()
    assert tuple(labels) == ROAD.spec.classes


def test_a_dynamic_network_takes_any_size(
    spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], tmp_path: Path
) -> None:
    out = tmp_path / "repository"
    write_repository(make_bundle(tmp_path / "any", replace(spec, name="any", dynamic=True)), out, Serving())
    config = config_of(out, "any-network")
    assert (list(config.input[0].dims), list(config.output[0].dims)) == ([1, -1, -1, 3], [1, 3, -1, -1])


def test_a_network_that_takes_several_pictures_is_batched(batched: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    plan = plan_of(tmp_path, batched.artifacts[0].sha256, "8.9")
    write_repository(batched, out, Serving(plans=[plan]))
    for name in ("many-network", "many-network-tensorrt"):
        config = config_of(out, name)
        assert (config.max_batch_size, config.HasField("dynamic_batching")) == (4, True)
        assert (list(config.input[0].dims), list(config.output[0].dims)) == ([18, 30, 3], [3, 5, 8])
        assert [list(sample.inputs["frame"].dims) for sample in config.model_warmup] == [[18, 30, 3]] * 2
    masks = config_of(out, "many")
    assert (masks.max_batch_size, masks.HasField("dynamic_batching")) == (4, True)
    assert [(list(each.dims), each.allow_ragged_batch) for each in masks.input] == [([-1, -1, 3], True), ([-1], True)]


def test_labels_that_overlap_have_a_mask_each(overlapping: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    write_repository(overlapping, out, Serving())
    assert list(config_of(out, "labels").output[0].dims) == [3, -1, -1]


def test_plans_are_chosen_by_the_card(bundle: Bundle, tmp_path: Path) -> None:
    out, digest = tmp_path / "repository", bundle.artifacts[0].sha256
    files = [plan_of(tmp_path, digest, capability) for capability in ("8.9", "any", "7.5")]
    names = write_repository(bundle, out, Serving(plans=files))
    assert names == ["tiny", "tiny-network", "tiny-network-tensorrt"]
    config = config_of(out, names[-1])
    assert config.platform == "tensorrt_plan"
    assert dict(config.cc_model_filenames) == {"8.9": "sm8.9.plan", "7.5": "sm7.5.plan"}
    assert config.default_model_filename == "smany.plan"
    for name, file in zip(("sm8.9.plan", "smany.plan", "sm7.5.plan"), files, strict=True):
        assert (out / names[-1] / "1" / name).read_bytes() == file.read_bytes()
    assert config.input[0].name == config_of(out, "tiny-network").input[0].name


def test_plans_of_something_else_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    digest = bundle.artifacts[0].sha256
    good = plan_of(tmp_path, digest, "8.9")
    cases = {
        "built from no artifact of bundle tiny": [plan_of(tmp_path, "0" * 64, "8.6")],
        "Triton has no backend": [plan_of(tmp_path, digest, "any", "tensorrt-rtx")],
        "second plan for compute capability 8.9": [good, good],
        "cannot read": [tmp_path / "none.engine"],
    }
    for message, files in cases.items():
        with pytest.raises(EngineError, match=message):
            write_repository(bundle, tmp_path / "repository", Serving(plans=files))
    good.write_bytes(good.read_bytes() + b"!")
    with pytest.raises(EngineError, match="is not the file that was built"):
        write_repository(bundle, tmp_path / "repository", Serving(plans=[good]))
    assert not (tmp_path / "repository").exists()


def test_an_earlier_repository_is_replaced(bundle: Bundle, overlapping: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    write_repository(bundle, out, Serving())
    cache = out / "tiny/1/__pycache__"
    cache.mkdir()
    (cache / "model.cpython-311.pyc").write_bytes(b"what Python leaves when Triton loads it")
    write_repository(overlapping, out, Serving(version=7))
    assert {path.name for path in out.iterdir()} == {"edgeseg.json", "labels", "labels-network"}
    assert (out / "labels/7/model.py").is_file()


@pytest.mark.parametrize("change", ["tiny/config.pbtxt", "tiny/2/model.py", "mine/config.pbtxt"])
def test_what_others_wrote_is_left_alone(bundle: Bundle, tmp_path: Path, change: str) -> None:
    out = tmp_path / "repository"
    write_repository(bundle, out, Serving())
    path = out / change
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(OutputError, match=f"would remove {change}"):
        write_repository(bundle, out, Serving())
    assert path.read_text() == "mine"


@pytest.mark.parametrize("target", ["model", "nowhere"])
def test_links_of_others_are_left_alone(bundle: Bundle, tmp_path: Path, target: str) -> None:
    out = tmp_path / "repository"
    write_repository(bundle, out, Serving())
    (tmp_path / "model").mkdir()
    (out / "mine").symlink_to(tmp_path / target)
    with pytest.raises(OutputError, match="would remove mine"):
        write_repository(bundle, out, Serving())
    assert (out / "mine").is_symlink()


def test_a_precision_of_tensorrt_alone(tmp_path: Path) -> None:
    out = tmp_path / "repository"
    write_repository(ROAD, out, Serving(engine="tensorrt", precision="fp16"))
    assert config_of(out, "road").parameters["edgeseg.precision"].string_value == "fp16"
    network = (out / "road-network/1/model.onnx").read_bytes()
    assert hashlib.sha256(network).hexdigest() == ROAD.artifact(target="onnxruntime").sha256
    with pytest.raises(BundleError, match="no artifact for onnxruntime fp16"):
        write_repository(ROAD, out, Serving(precision="fp16"))


@pytest.mark.parametrize("notes", [None, "{", "[]", '{"files": 1}'])
def test_another_folder_is_left_alone(bundle: Bundle, tmp_path: Path, notes: str | None) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    if notes is not None:
        (tmp_path / "edgeseg.json").write_text(notes)
    reason = "it has no edgeseg" if notes is None else ""
    with pytest.raises(OutputError, match=rf"no model repository that edgeseg wrote \({reason}"):
        write_repository(bundle, tmp_path, Serving())
    assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("serving", "error", "message"),
    [
        (Serving(version=0), UsageError, "got version 0"),
        (Serving(instances=0), UsageError, "got 0 instances"),
        (Serving(engine="onyx"), EngineError, "no engine 'onyx'"),
        (Serving(precision="int8"), BundleError, "no artifact for onnxruntime int8"),
    ],
)
def test_bad_numbers_and_names(
    bundle: Bundle, tmp_path: Path, serving: Serving, error: type[EdgeSegError], message: str
) -> None:
    with pytest.raises(error, match=message):
        write_repository(bundle, tmp_path / "repository", serving)
    assert not (tmp_path / "repository").exists()


def test_an_altered_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    write_repository(bundle, tmp_path / "first", Serving())
    copied = Bundle.open(tmp_path / "first/tiny/1/bundle")
    model = copied.folder / copied.artifacts[0].file
    content = model.read_bytes()
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match="altered or cut off"):
        write_repository(copied, tmp_path / "second", Serving())
    assert not (tmp_path / "second").exists()
