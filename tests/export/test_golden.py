"""The golden frames that export, import and quantize put into bundles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
import torch

from edgeseg import kernels
from edgeseg.accuracy.dataset import Dataset
from edgeseg.agreement import GoldenAgreement
from edgeseg.bundle import Bundle
from edgeseg.errors import SourceError
from edgeseg.golden import LARGEST, MOST
from edgeseg.models import NETWORKS, build
from edgeseg.models.weights import save_weights
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export import golden
from edgeseg_export.frames import sample_frames, sample_source, spread
from edgeseg_export.golden import Pictures, fit, make_golden, put_golden, read_pictures, street_pictures
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.to_onnx import export

NET = "simple-cnn"
TRAINING = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights of a small network for 93x61 frames."""
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    spec = Spec("tiny", 93, 61, "letterbox", NETWORKS[NET].strides[0], ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")
    save_weights(tmp_path / "w.safetensors", build(NET, 3, 0.2), NET, 0.2, spec, TRAINING)
    return tmp_path / "w.safetensors"


def write_images(folder: Path, number: int) -> Path:
    """Crops of the street pictures, no two alike."""
    folder.mkdir()
    pictures = sample_frames(None)
    for place in range(number):
        cv2.imwrite(str(folder / f"{place:03}.png"), pictures[place % 4][place : place + 122, place : place + 186])
    return folder


def facts(bundle: Bundle) -> dict[str, GoldenAgreement | None]:
    return {str(artifact): artifact.measured.get(GoldenAgreement) for artifact in bundle.artifacts}


def test_export_puts_street_pictures_in_and_says_so(weights: Path, tmp_path: Path) -> None:
    said: list[str] = []
    bundle = Bundle.open(export(weights, tmp_path / "tiny", mask_in_graph=True, note=said.append).folder)
    assert bundle.golden is not None
    assert (bundle.golden.source, len(bundle.golden.frames)) == ("street", 4)
    assert len(said) == 1
    assert said[0].startswith("the bundle carries 4 pictures of street (")
    assert "wherever it goes" in said[0]
    assert facts(bundle) == {
        "onnxruntime fp32": GoldenAgreement(100.0, 100.0, 4, "onnxruntime"),
        "onnx-mask fp32": None,
    }
    session = ort.InferenceSession(bundle.path(bundle.artifacts[0]), providers=["CPUExecutionProvider"])
    for (frame, mask), picture in zip(bundle.golden_frames(), sample_frames(None), strict=True):
        assert np.array_equal(frame, fit(picture, bundle.spec))
        logits = session.run(None, {"frame": frame[np.newaxis]})[0]
        assert np.array_equal(mask, kernels.argmax(logits, 93, 61, rect=bundle.spec.rect(93, 61)))
        assert np.array_equal(mask, load(bundle, threads=2)(frame))


def labelled(folder: Path, number: int) -> Dataset:
    images = write_images(folder.with_name("pictures"), number)
    (folder / "masks").mkdir(parents=True)
    images.rename(folder / "images")
    for path in (folder / "images").iterdir():
        cv2.imwrite(str(folder / "masks" / path.name), np.zeros((122, 186), np.uint8))
    classes = ", ".join(f'{{"name": "{name}", "colour": [{place}, 0, 0]}}' for place, name in enumerate("abc"))
    (folder / "classes.json").write_text(f'{{"classes": [{classes}], "ignore": null}}')
    return Dataset.open(folder, "val")


def test_the_users_own_frames_are_the_default(weights: Path, tmp_path: Path) -> None:
    dataset = labelled(tmp_path / "mine", 60)
    assert len(dataset) > MOST
    bundle = export(weights, tmp_path / "tiny", data=tmp_path / "mine", split="val")
    assert bundle.golden is not None
    assert (bundle.golden.source, len(bundle.golden.frames)) == ("mine val", MOST)
    first, *_, last = bundle.golden_frames()
    assert np.array_equal(first.frame, fit(dataset.load(0)[0], bundle.spec))
    assert np.array_equal(last.frame, fit(dataset.load(len(dataset) - 1)[0], bundle.spec))
    street = export(weights, tmp_path / "tiny", data=tmp_path / "mine", golden=street_pictures())
    assert street.golden is not None
    assert street.golden.source == "street"


def test_quantize_takes_frames_that_did_not_calibrate(weights: Path, tmp_path: Path) -> None:
    said: list[str] = []
    images = write_images(tmp_path / "images", 12)
    plain = export(weights, tmp_path / "tiny")
    result = quantize(plain, images, method="minmax", seven_bits=True, note=said.append).bundle
    assert result.golden is not None
    assert (result.golden.source, len(result.golden.frames)) == ("images", 3)
    chosen = [cv2.imread(str(images / f"{place:03}.png")) for place in (1, 5, 9)]
    for pair, picture in zip(result.golden_frames(), chosen, strict=True):
        assert np.array_equal(pair.frame, fit(np.asarray(picture, np.uint8), result.spec))
    assert said[0].startswith("the bundle carries 3 pictures of images")
    found = facts(result)
    own = {f"onnxruntime {precision}" for precision in ("fp32", "int8", "int8-7bit")}
    assert set(found) == {*own, "tensorrt fp16", "tensorrt int8"}
    assert found["onnxruntime fp32"] == GoldenAgreement(100.0, 100.0, 3, "onnxruntime")
    int8 = load(result, precision="int8-7bit", threads=1)  # exact on every processor
    shares = [100 * float((int8(frame) == mask).mean()) for frame, mask in result.golden_frames()]
    recorded = found["onnxruntime int8-7bit"]
    assert recorded is not None
    assert recorded.mask_agreement == pytest.approx(np.mean(shares), abs=1e-3)
    assert recorded.worst_frame == pytest.approx(min(shares), abs=1e-3)
    assert recorded.mask_agreement > 90


def test_other_golden_frames_change_nothing_else(weights: Path, tmp_path: Path) -> None:
    before = export(weights, tmp_path / "tiny")
    after = put_golden(before, Pictures("mine", sample_source(write_images(tmp_path / "images", 20), MOST)))
    assert after.golden is not None
    assert len(after.golden.frames) == MOST
    assert [artifact.sha256 for artifact in after.artifacts] == [artifact.sha256 for artifact in before.artifacts]
    for old, new in zip(before.artifacts, after.artifacts, strict=True):
        assert {**old.measured.facts, "golden": None} == {**new.measured.facts, "golden": None}
    assert (after.folder / "README.md").read_text().startswith("# tiny")


def test_a_folder_or_video_of_ones_own(tmp_path: Path) -> None:
    found = read_pictures(str(write_images(tmp_path / "mine", 30)))
    assert found is not None
    assert (found.source, len(found.images)) == ("mine", MOST)
    assert np.array_equal(found.images[-1], np.asarray(cv2.imread(str(tmp_path / "mine/029.png"))))
    assert read_pictures(None) is None
    street = read_pictures("street")
    assert street is not None
    assert (street.source, len(street.images)) == ("street", 4)
    with pytest.raises(SourceError, match="does not exist"):
        read_pictures(str(tmp_path / "nowhere"))


def test_a_letterbox_has_no_border() -> None:
    """The middle of the picture, at the network's proportions; of a stretched network, all of it."""
    spec = Spec("tiny", 40, 40, "letterbox", 4, ("a", "b"), ((0, 0, 0),) * 2, None, "none")
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    assert (fit(wide, spec) == 200).all()
    assert (fit(wide.transpose(1, 0, 2), spec) == 200).all()
    assert (fit(wide, replace(spec, resize="stretch"))[:, :10] == 0).all()


def noise(number: int, height: int, width: int) -> Pictures:
    random = np.random.default_rng(2)
    return Pictures("noise", [random.integers(0, 256, (height, width, 3), np.uint8) for _ in range(number)])


@pytest.fixture
def model(tmp_path: Path, make_bundle: Callable[..., Bundle]) -> Callable[[int, int], Segmenter]:
    """`model(width, height)`: a tiny network of that size."""

    def make(width: int, height: int) -> Segmenter:
        spec = Spec("any", width, height, "stretch", 8, ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")
        return load(make_bundle(tmp_path / f"{width}", spec), threads=1)

    return make


def test_as_many_as_fit_and_fewer_levels_where_four_do_not(
    tmp_path: Path, model: Callable[[int, int], Segmenter]
) -> None:
    """Noise does not compress: 8 bits a sample take as many bytes as they have."""
    made = make_golden(noise(8, 200, 250), model(250, 200), tmp_path)  # 150 kB each
    assert made is not None
    assert len(made.frames) == 6
    assert made.bytes <= LARGEST
    made = make_golden(noise(8, 300, 400), model(400, 300), tmp_path)  # 360 kB each
    assert made is not None
    assert len(made.frames) >= 4
    picture = cv2.imread(str(tmp_path / made.frames[0].input.file))
    levels = np.unique(np.asarray(picture))
    assert 16 <= len(levels) < 256
    assert abs(float(np.mean(levels)) - 127.5) < 1  # neither darker nor brighter


def test_where_not_one_fits_there_is_none(tmp_path: Path, model: Callable[[int, int], Segmenter]) -> None:
    said: list[str] = []
    assert make_golden(noise(1, 1000, 1700), model(1700, 1000), tmp_path, said.append) is None
    assert said == [
        f"no golden frame fits into {LARGEST} bytes at 1700x1000: the bundle has none, and engines are not asked for "
        "them on other machines"
    ]


def test_the_street_pictures_fit_at_usual_sizes() -> None:
    spec = Spec("any", 480, 360, "letterbox", 2, ("a", "b"), ((0, 0, 0),) * 2, None, "none")
    files = [(golden._png(fit(picture, spec)), b"") for picture in sample_frames(None)]
    assert len(golden._most(files)) == 4


@pytest.mark.parametrize(("number", "wanted"), [(1, 8), (8, 8), (9, 8), (1000, 8), (3, 1)])
def test_frames_are_evenly_spaced(number: int, wanted: int) -> None:
    found = spread(number, wanted)
    assert len(found) == min(number, wanted)
    assert found[0] == 0
    assert wanted == 1 or found[-1] == number - 1
    assert len(set(np.diff(found))) <= 2
