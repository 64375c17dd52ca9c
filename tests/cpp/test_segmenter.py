"""The same frame, bundle, runtime and threads: the same mask, every pixel, from C++ and from Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

import edgeseg
from edgeseg.artifact import SHIPPED, Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.candidate import default_candidate
from edgeseg.measured import Measured
from edgeseg.processor import sums_int8_exactly
from edgeseg.spec import Grid, Head, Resize, Spec
from tests.cpp.library import BUNDLE, ENGINE, Bytes, Library, LibraryError

NANO = SHIPPED / "road-nano"

Facts = dict[str, object]


def need(library: Library, engine: str) -> None:
    if engine not in library.engines():
        pytest.skip(f"libedgeseg was built without {engine}")
    pytest.importorskip(engine)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "int8", "int8-7bit"])
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.filterwarnings("ignore:this processor has no VNNI")  # sums that saturate are the same in both
def test_masks_are_the_same(library: Library, street: Bytes, engine: str, precision: str, threads: int) -> None:
    need(library, engine)
    python = edgeseg.load("road-nano", engine=engine, precision=precision, threads=threads)
    cpp = library.segmenter(NANO, engine, precision, threads)
    odd = np.asarray(cv2.resize(street, (333, 517)), np.uint8)
    for frame in (street, odd, street[:360, :480], street[10:370, 20:500]):
        assert np.array_equal(cpp(frame), python(frame))
    painted, mask = cpp.overlay(street, 0.4)
    assert np.array_equal(painted, python.overlay(python.logits(street), street, alpha=0.4))
    assert np.array_equal(mask, python(street))
    assert len(np.unique(mask)) > 3
    python.close()
    cpp.close()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_network_that_takes_several_pictures_is_given_one(
    library: Library,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    tmp_path: Path,
    street: Bytes,
    engine: str,
) -> None:
    need(library, engine)
    bundle = make_bundle(tmp_path / "many", replace(spec, name="many", batch=4))
    python, cpp = edgeseg.load(bundle, engine=engine, threads=1), library.segmenter(bundle.folder, engine, "fp32", 1)
    for frame in (street, street[:18, :30]):
        assert np.array_equal(cpp(frame), python(frame))
    python.close()
    cpp.close()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_labels_that_overlap(
    library: Library,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    tmp_path: Path,
    street: Bytes,
    engine: str,
) -> None:
    need(library, engine)
    head = Head("multi-label", "probabilities", 0.5, exclusive=False)
    bundle = make_bundle(tmp_path / "labels", replace(spec, name="labels", head=head))
    python, cpp = edgeseg.load(bundle, engine=engine, threads=1), library.segmenter(bundle.folder, engine, "fp32", 1)
    for frame in (street, street[:18, :30], np.asarray(cv2.resize(street, (33, 61)), np.uint8)):
        masks = python(frame)
        assert np.array_equal(cpp(frame), np.vstack(list(masks)))
        painted, again = cpp.overlay(frame, 0.4)
        assert np.array_equal(painted, python.overlay(python.logits(frame), frame, alpha=0.4))
        assert np.array_equal(again, np.vstack(list(masks)))
    assert masks.any()
    assert not masks.all()
    python.close()
    cpp.close()


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
@pytest.mark.parametrize("grid", ["stride", "whole", "corners"])
def test_frames_lie_where_python_lays_them(
    library: Library,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    tmp_path: Path,
    resize: Resize,
    grid: Grid,
) -> None:
    need(library, "openvino")
    bundle = make_bundle(tmp_path / "b", replace(spec, resize=resize, grid=grid, pad=99))
    python = edgeseg.load(bundle, engine="openvino", threads=1)
    cpp = library.segmenter(bundle.folder, "openvino")
    random = np.random.default_rng(0)
    for width, height in ((30, 18), (31, 18), (60, 20), (7, 50), (25, 15), (1, 1)):
        frame = random.integers(0, 256, (height, width, 3), np.uint8)
        assert np.array_equal(cpp(frame), python(frame)), (width, height)
    cpp.close()


def test_one_logit_lies_where_python_lays_it(
    library: Library, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], tmp_path: Path
) -> None:
    """Of a network that aligns corners: one logit has none."""
    need(library, "openvino")
    bundle = make_bundle(tmp_path / "b", replace(spec, grid="corners", stride=max(spec.width, spec.height)))
    python = edgeseg.load(bundle, engine="openvino", threads=1)
    cpp = library.segmenter(bundle.folder, "openvino")
    frame = np.random.default_rng(0).integers(0, 256, (18, 31, 3), np.uint8)
    assert np.array_equal(cpp(frame), python(frame))
    cpp.close()


def test_both_take_the_same_artifact(library: Library) -> None:
    need(library, "openvino")
    cpp = library.segmenter(NANO, "openvino")
    python = edgeseg.load("road-nano", engine="openvino", threads=1)
    assert python.candidate is not None
    assert cpp.precision == python.candidate.artifact.precision
    cpp.close()


DATA, OTHER = "a" * 64, "b" * 64


def evaluation(miou: float | None, **more: object) -> Facts:
    return {"evaluation": {"miou": miou, "data_sha256": DATA, "iou": {"road": 80.0}, **more}}


def verify(miou: float | None, **more: object) -> Facts:
    return {"verify": {"engine": "onnxruntime", "miou": miou, "data_sha256": DATA, **more}}


def agreement(share: float, **more: object) -> Facts:
    return {"agreement": {"mask_agreement": share, **more}}


MEASURED: dict[str, tuple[Facts, Facts, str]] = {
    "nothing": ({}, {}, "fp32"),
    "agreement": ({}, agreement(98.0), "int8-7bit"),
    "too little of it": ({}, agreement(97.9), "fp32"),
    "its owner asks for more": ({}, agreement(98.5, least=99.0), "fp32"),
    "its owner asks for less": ({}, agreement(97.0, least=96.5), "int8-7bit"),
    "its owner asks for nothing": ({}, agreement(98.5, least=None), "int8-7bit"),
    "accuracy": (evaluation(70.0), {**evaluation(69.5), **agreement(90.0)}, "int8-7bit"),
    "less of it": (evaluation(70.0), {**evaluation(69.4), **agreement(99.0)}, "fp32"),
    "less of it as verified": (verify(70.0), {**verify(69.4), **agreement(99.0)}, "fp32"),
    "accuracy as verified": (verify(70.0), verify(69.6), "int8-7bit"),
    "verified on other data": (verify(70.0), {**verify(60.0, data_sha256=OTHER), **agreement(99.0)}, "int8-7bit"),
    "other classes": (
        evaluation(70.0, renamed={"road": ["way"]}),
        {**evaluation(60.0), **agreement(99.0)},
        "int8-7bit",
    ),
    "the same classes": (
        evaluation(70.0, renamed={"a": ["b"], "c": []}, left_over=[["d"], []]),
        {**evaluation(60.0, left_over=[["d"], []], renamed={"c": [], "a": ["b"]}), **agreement(99.0)},
        "fp32",
    ),
    "others left over": (
        {**evaluation(70.0, left_over=[["a"], []]), **verify(70.0)},
        {**evaluation(60.0, left_over=[["b"], []]), **verify(69.8)},
        "int8-7bit",
    ),
    "no accuracy of its own": (evaluation(70.0), {**evaluation(None), **agreement(99.0)}, "fp32"),
    "no accuracy of fp32": (evaluation(None), {**evaluation(60.0), **agreement(99.0)}, "int8-7bit"),
    "damaged accuracy": (evaluation(70.0), {**evaluation(70.0, iou=3), **agreement(99.0)}, "fp32"),
    "damaged accuracy of fp32": (evaluation(70.0, images="8"), {**evaluation(70.0), **agreement(99.0)}, "fp32"),
    "damaged where it is not asked": (
        {**evaluation(70.0), "verify": {}},
        {**evaluation(70.0), "verify": 3},
        "int8-7bit",
    ),
    "damaged where it was verified": ({"verify": {}}, {**verify(70.0), **agreement(99.0)}, "fp32"),
    "damaged agreement": (evaluation(70.0), {**evaluation(70.0), **agreement(99.0, least="98")}, "fp32"),
}
"""Facts of fp32, of the one with 7-bit weights, and which of the two is taken."""


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.filterwarnings("ignore:this processor has no VNNI")
def test_both_decide_alike_by_what_was_measured(
    library: Library, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto], tmp_path: Path, name: str
) -> None:
    """Without VNNI, where INT8 of 8 bits is not taken. With it, both take that, whatever was measured."""
    need(library, "openvino")
    fp32, seven, taken = MEASURED[name]
    artifacts = {}
    for precision, facts in {"int8": {}, "fp32": fp32, "int8-7bit": seven}.items():
        file = tmp_path / f"tiny.{precision}.onnx"
        onnx.save(make_model(spec), file)
        artifacts[file] = Artifact.of(file, target="onnxruntime", precision=precision, measured=Measured(facts))
    bundle = write_bundle(tmp_path / "bundle", spec, artifacts, None)
    chosen = default_candidate(bundle, "openvino").artifact.precision
    assert chosen == ("int8" if sums_int8_exactly() else taken)
    cpp = library.segmenter(bundle.folder, "openvino")
    assert cpp.precision == chosen
    cpp.close()


def test_what_is_missing_is_said(
    library: Library, spec: Spec, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    need(library, "openvino")
    with pytest.raises(LibraryError, match=r"edgeseg quantize .*--seven-bits") as caught:
        library.segmenter(make_bundle(tmp_path / "b", spec).folder, "openvino", "int8-7bit")
    assert caught.value.status == BUNDLE
    with pytest.raises(LibraryError, match="no engine 'tensorflow'") as caught:
        library.segmenter(NANO, "tensorflow")
    assert caught.value.status == ENGINE


def test_a_spec_of_another_network_is_refused(
    library: Library, spec: Spec, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    need(library, "openvino")
    folder = make_bundle(tmp_path / "b", spec).folder
    index = folder / "bundle.json"
    index.write_text(index.read_text().replace('"stride": 4', '"stride": 2'))
    with pytest.raises(LibraryError, match="another model's") as caught:
        library.segmenter(folder, "openvino")
    assert caught.value.status == ENGINE


def test_one_channel_does_not_stand_for_two_labels_that_overlap(
    library: Library, spec: Spec, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    need(library, "openvino")
    overlapping = Head("multi-label", exclusive=False)
    two = replace(spec, classes=("a", "b"), palette=((0, 0, 0), (9, 9, 9)), head=overlapping)
    folder = make_bundle(tmp_path / "b", two, 1).folder
    with pytest.raises(LibraryError, match="another model's") as caught:
        library.segmenter(folder, "openvino")
    assert caught.value.status == ENGINE
    one = replace(two, head=Head())
    library.segmenter(make_bundle(tmp_path / "c", one, 1).folder, "openvino").close()
