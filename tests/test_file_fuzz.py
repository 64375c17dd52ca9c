"""Every file that is read, damaged in every way that Hypothesis thinks of: it is read, or refused by an error of ours.

`make hard` and `make fuzz` run the same with more examples (EDGESEG_FUZZ). What failed is kept in tests/fuzz_corpus.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from edgeseg.accuracy.class_map import parse_map
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_file import read_label_image
from edgeseg.artifact import read_model
from edgeseg.auto import remembered
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.cache import keep, recall
from edgeseg.engines._onnx import check_spec
from edgeseg.engines.tensorrt.sidecar import Key, read_engine, sidecar_of, write_engine
from edgeseg.golden import GoldenFile, GoldenFrame, read_golden
from edgeseg.keys import PRIVATE, PUBLIC, read_private_key, read_public_key, write_keys
from edgeseg.picture import read_picture
from edgeseg.run_settings import WHAT, read_settings
from edgeseg.serve.settings_file import read_settings as read_service_settings
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import read_signature
from edgeseg.spec import Spec
from edgeseg.video.access import read_credentials
from edgeseg_bench.result import read as read_result
from tests.fuzz import byte_target, fuzz, json_target

PLAN = b"ftrt" + bytes(20) + bytes((10, 3, 0, 26)) + b"the engine"

MODEL_SPEC: dict[str, Any] = {
    "format": 1, "name": "x", "stride": 1, "classes": ["a", "b"], "palette": None, "ignore": None, "licence": "none",
    "input": {
        "width": 8, "height": 8, "resize": "stretch", "pad": 0, "dynamic": False,
        "colour": "RGB", "range": 255, "mean": [0, 0, 0], "std": [1, 1, 1],
    },
}  # fmt: skip

DESCRIBED = {
    "classes": [{"name": "a", "colour": [1, 2, 3], "id": 0}, {"name": "b", "colour": [4, 5, 6], "id": [1, 2]}],
    "ignore": 255,
    "masks": "ids",
}

SETTINGS: dict[str, Any] = {
    **{"format": 1, "what": WHAT, "bundle": "x", "engine": "onnxruntime", "precision": "fp32", "sha256": "0" * 64},
    **{"width": 8, "height": 8, "threads": 1, "workers": 1, "processor": "x", "cores": 1, "measured": {}},
}

SERVICE = """
bundle = "road"
engine = "onnxruntime"
listen = "127.0.0.1:0"
token_file = "token"
[mqtt]
host = "localhost"
[cameras.gate]
source = "rtsp://gate/live"
credentials = "login"
options = { rtsp_transport = "udp" }
max_age = 0.5
[cameras.gate.recording]
folder = "."
keep_bytes = "50 GB"
[cameras.gate.zones]
A = [[0, 0], [1, 0], [1, 1]]
[[cameras.gate.rules]]
name = "a car"
when = { class = "car", zone = "A", above = 0.5, for = 2 }
"""

COCO: dict[str, Any] = {
    "images": [{"id": 3, "file_name": "a.png", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "car", "supercategory": "x"}, {"id": 2, "name": "sign", "supercategory": "x"}],
    "annotations": [
        {"id": 1, "image_id": 3, "category_id": 2, "area": 4, "iscrowd": 0, "segmentation": [[2, 2, 4, 2, 4, 4, 2, 4]]},
        {"id": 2, "image_id": 3, "category_id": 1, "segmentation": {"size": [6, 8], "counts": [42, 6]}},
        {"id": 3, "image_id": 3, "category_id": 1, "segmentation": {"size": [6, 8], "counts": "0`1"}},
    ],
}

PICTURE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "bundle", spec)


def encoded(suffix: str, image: np.ndarray[Any, Any]) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


def test_bundle(bundle: Bundle) -> None:
    index = bundle.folder / INDEX
    draw = json_target(json.loads(index.read_text()))

    def read() -> None:
        opened = Bundle.open(bundle.folder)
        for artifact in opened.artifacts:
            opened.path(artifact)

    fuzz("bundle", index, draw, read)


def test_signature(tmp_path: Path) -> None:
    signed = {"name": "x", "version": 3, "index_sha256": "0" * 64, "card_sha256": None}
    signatures = [{"key": "0" * 64, "signature": "0" * 128}]
    data = {"format": 1, "signed": signed, "signatures": signatures}
    fuzz("signature", tmp_path / SIGNATURE, json_target(data), lambda: read_signature(tmp_path))


@pytest.mark.parametrize("file", ["golden-0.png", "golden-0.mask.png"])
def test_golden(file: str, bundle: Bundle, put_golden: Callable[..., Bundle]) -> None:
    """Even where bundle.json has the damaged file's hash."""
    golden = put_golden(bundle).golden
    assert golden is not None
    place = bundle.folder / file

    def read() -> None:
        described = [
            GoldenFrame(*(GoldenFile.of(bundle.folder / each.file) for each in pair)) for pair in golden.frames
        ]
        list(read_golden(replace(golden, frames=tuple(described)), bundle.folder, bundle.spec))

    fuzz(file, place, byte_target(place.read_bytes()), read)


@pytest.mark.parametrize("suffix", [PUBLIC, PRIVATE])
def test_key(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    write_keys(tmp_path / "key", None)
    file = tmp_path / f"key{suffix}"
    file.chmod(0o600)
    content = file.read_bytes()

    def read() -> None:
        if suffix == PUBLIC:
            read_public_key(file)
        else:
            read_private_key(file, lambda: "")

    fuzz(f"key{suffix}", file, byte_target(content), read)


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_metadata_of_a_repository(role: str, tmp_path: Path, bundle: Bundle) -> None:
    pytest.importorskip("tuf")
    from edgeseg.update.publish import publish
    from edgeseg.update.repository import Folder

    write_keys(tmp_path / "key", None)
    repository = tmp_path / "repository"
    key = read_private_key(tmp_path / "key.key", lambda: "")
    publish(bundle, repository, key, root_keys=[key])
    (file,) = (repository / "metadata").glob(f"*{role}.json")
    folder = Folder(repository, {}, {})
    folder.check()
    fuzz(f"metadata_{role}", file, json_target(json.loads(file.read_bytes())), folder.check)


def test_settings_of_a_service(tmp_path: Path, bundle: Bundle) -> None:
    for name in ("login", "token"):
        (tmp_path / name).write_text("admin:0123456789abcdef\n")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "cameras.toml"
    text = SERVICE.replace("road", str(bundle.folder)).encode()
    file.write_bytes(text)
    read_service_settings(file)
    fuzz("service", file, byte_target(text), lambda: read_service_settings(file))


def test_class_map(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    fuzz("class_map", file, json_target({"a": "b", "c": ["d", "e"]}), lambda: parse_map([str(file)]))


def test_model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> None:
    file = tmp_path / "model.onnx"
    fuzz("model", file, byte_target(make_model(spec).SerializeToString()), lambda: read_model(file))


def test_spec_in_a_model(tmp_path: Path, spec: Spec) -> None:
    file = tmp_path / "spec"
    draw = json_target(spec.to_json())
    fuzz("spec_in_a_model", file, draw, lambda: check_spec(file, spec, file.read_text(errors="replace")))


def test_classes(tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    fuzz("classes", file, json_target(DESCRIBED), lambda: read_classes(file))


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    fuzz("settings", file, json_target(SETTINGS), lambda: read_settings(file))


def test_spec(tmp_path: Path) -> None:
    model_spec = pytest.importorskip("edgeseg_export.foreign.model_spec")
    file = tmp_path / "spec.json"
    fuzz("spec", file, json_target(MODEL_SPEC), lambda: model_spec.read_model_spec(file))


def test_cache(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    keep(file, b"content" * 9)
    fuzz("cache", file, byte_target(file.read_bytes()), lambda: recall(file))


def test_sidecar(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {}, "0" * 64), {})
    notes = json.loads(sidecar_of(engine).read_text())
    fuzz("sidecar", sidecar_of(engine), json_target(notes), lambda: read_engine(engine))


def test_engine(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {}, "0" * 64), {})
    fuzz("engine", engine, byte_target(PLAN), lambda: read_engine(engine))


def test_answers_of_auto(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed ones: somebody who has the key may still have another version."""
    answer = tmp_path / "auto.json"
    monkeypatch.setattr("edgeseg.answers.recall", lambda _: answer.read_bytes())
    candidate = {"engine": "onnxruntime", "precision": "fp32"}
    data = {"key": {}, "choice": candidate, "measured": [{**candidate, "ms": 2.0}], "left_out": []}
    monkeypatch.setattr("edgeseg.auto._key", lambda *_: {})
    fuzz("answers_of_auto", answer, json_target(data), lambda: remembered(bundle, threads=1))


def test_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed ones too."""
    calibration = pytest.importorskip("edgeseg_export.precision.calibration")
    histogram = pytest.importorskip("edgeseg_export.precision.histogram").Histogram()
    histogram.add(np.ones((1, 2, 3), np.float32))
    file = tmp_path / "calibration.npz"
    calibration.write_cache(file, {"a": histogram, "b": histogram})
    content = recall(file)
    assert content is not None
    assert calibration.read_cache(file).keys() == {"a", "b"}
    monkeypatch.setattr("edgeseg_export.precision.calibration.recall", lambda path: path.read_bytes())
    fuzz("calibration", file, byte_target(content), lambda: calibration.read_cache(file))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_picture(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", str(1 << 20))
    file = tmp_path / f"picture{suffix}"
    fuzz("picture", file, byte_target(encoded(suffix, PICTURE)), lambda: read_picture(file))


@pytest.mark.parametrize("kind", ["grey", "bits", "colours", "deep", "tiff"])
def test_label(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", str(1 << 20))
    file = tmp_path / "label.png"
    content = {
        "grey": encoded(".png", PICTURE[..., 0]),
        "bits": bytes(cv2.imencode(".png", PICTURE[..., 0], [cv2.IMWRITE_PNG_BILEVEL, 1])[1]),
        "colours": encoded(".png", PICTURE),
        "deep": encoded(".png", PICTURE[..., 0].astype(np.uint16)),
        "tiff": encoded(".tiff", PICTURE[..., 0]),
    }[kind]
    fuzz("label", file, byte_target(content), lambda: read_label_image(file))


def test_coco(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(encoded(".png", PICTURE))
    file = tmp_path / "result.json"
    fuzz("coco", file, json_target(COCO), lambda: Dataset.open(tmp_path).load(0))


@pytest.mark.parametrize("layout", ["voc", "ade20k", "pairs"])
def test_list_of_a_data_set(layout: str, tmp_path: Path) -> None:
    ade20k = b"Idx\tRatio\tName\n1\t.1\twall\n2\t.1\tdoor, gate\n"
    images, masks, name, text = {
        "voc": ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation/train.txt", b"a\na\n"),
        "ade20k": ("images/train", "annotations/train", "objectInfo150.txt", ade20k),
        "pairs": ("jpg", "png", "train.txt", b"jpg/a.png png/a.png\n" * 2),
    }[layout]
    for folder in (images, masks):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").write_bytes(encoded(".png", PICTURE[..., 0] % 2))
    if layout == "pairs":
        (tmp_path / "classes.json").write_text(json.dumps(DESCRIBED))
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    fuzz(layout, file, byte_target(text), lambda: Dataset.open(tmp_path, "train").load(0))


def test_credentials(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.touch(mode=0o600)
    fuzz("credentials", file, byte_target(b"user:password\n"), lambda: read_credentials(file))


def test_result_of_bench(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    fuzz("result_of_bench", file, json_target({"what": "edgeseg bench", "format": 3}), lambda: read_result(file))


def test_sensitivity(bundle: Bundle, tmp_path: Path) -> None:
    result = pytest.importorskip("edgeseg_export.precision.sensitivity_result")
    file = tmp_path / "sensitivity.json"
    data = {"what": "edgeseg sensitivity", "format": 1, "onnx_sha256": bundle.artifacts[0].sha256, "keep": ["a"]}
    fuzz("sensitivity", file, json_target(data), lambda: result.read_keep(file, bundle))


def test_foreign_model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> None:
    open_onnx = pytest.importorskip("edgeseg_export.foreign.open_onnx")
    file = tmp_path / "model.onnx"
    content = make_model(spec).SerializeToString()
    fuzz("foreign_model", file, byte_target(content), lambda: open_onnx.load_foreign(file))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_foreign_weights(suffix: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg_export.foreign.open_torch import load_into

    network, content, file = torch.nn.Conv2d(1, 1, 1), io.BytesIO(), tmp_path / f"weights{suffix}"
    torch.save({"state_dict": network.state_dict()}, content)
    draw = byte_target(content.getvalue() if suffix == ".pt" else save(network.state_dict()))
    fuzz("torch_file" if suffix == ".pt" else "foreign_weights", file, draw, lambda: load_into(network, file))


def test_header_of_weights(tmp_path: Path, spec: Spec) -> None:
    """The tensors are whole; what stands beside them is damaged."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg.models import build
    from edgeseg.models.weights import fold, load_weights

    tensors = fold(build("simple-cnn", 3, 0.1)).state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    file, weights = tmp_path / "header.json", tmp_path / "weights.safetensors"
    header = {"net": "simple-cnn", "width": "0.1", "spec": json.dumps(spec.to_json()), "training": "{}"}

    def read() -> None:
        try:
            damage = json.loads(file.read_bytes())
            weights.write_bytes(save(tensors, damage))
        except (ValueError, TypeError, RecursionError):
            return  # what no file can hold
        load_weights(weights)

    fuzz("header_of_weights", file, json_target(header), read)


def test_progress_of_a_checkpoint(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load, save

    from edgeseg.models import build
    from edgeseg.train.checkpoint import TrainingState, averaged_weights, load_checkpoint, save_checkpoint
    from edgeseg.train.run import Run
    from edgeseg.train.settings import TrainSettings

    assert torch.get_num_threads()
    network, identity, file = build("simple-cnn", 3, 0.1), TrainSettings().identity(), tmp_path / "progress.json"
    state, checkpoint = TrainingState.of(network, TrainSettings(), ()), tmp_path / "checkpoint.safetensors"
    epoch = {"epoch": 1, "loss": 0.5, "rate": 0.1, "images_per_second": 9.0, "val_miou": None}
    progress = {**Run(3, 0.5, 9.0).to_json(), "epochs": [epoch]}
    save_checkpoint(checkpoint, identity, progress, state)
    assert Run.from_json(load_checkpoint(checkpoint, identity, state)).epochs
    tensors = load(checkpoint.read_bytes())

    def read() -> None:
        header = {"about": json.dumps(identity), "progress": file.read_text(errors="replace")}
        checkpoint.write_bytes(save(tensors, header))
        averaged_weights(checkpoint)
        Run.from_json(load_checkpoint(checkpoint, identity, state))

    fuzz("progress_of_a_checkpoint", file, json_target(progress), read)


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
def test_tensors(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg.models.weights import load_weights
    from edgeseg.train.checkpoint import averaged_weights

    file = tmp_path / "file.safetensors"
    headers = {
        "weights": {"format": "1", "net": "unet", "width": "0.1", "spec": "{}", "training": "{}"},
        "checkpoint": {"about": "{}", "progress": "{}"},
    }
    read = load_weights if kind == "weights" else averaged_weights
    fuzz(kind, file, byte_target(save({"average/a": torch.zeros(2)}, headers[kind])), lambda: read(file))
