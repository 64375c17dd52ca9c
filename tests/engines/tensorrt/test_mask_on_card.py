"""The mask made on the card: mask.cu, compiled as C++, launched by the engine as it launches it on a real one."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import edgeseg
from edgeseg import kernels
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.cache import cache_folder
from edgeseg.engines.tensorrt import mask as mask_source
from edgeseg.engines.tensorrt.engine import DEPTH
from edgeseg.engines.tensorrt.slot import SIZES
from edgeseg.errors import EdgeSegWarning, EngineError, FrameError
from edgeseg.spec import Head, Rect, Resize, Spec
from tests.engines.opened import expected, frames, opened

MakeModel = Callable[..., onnx.ModelProto]

ROOT = Path(__file__).parents[3]
PARTS = [Rect(0.0, 0.0, 7.5, 4.5), Rect(0.25, 0.5, 6.0, 3.1), Rect(0.0, 0.0, 2.0, 4.5)]


def bundle_of(folder: Path, model: Path, spec: Spec) -> Bundle:
    """A bundle with one model for the processor and for the card."""
    plain = model.with_name("plain.onnx")
    plain.write_bytes(model.read_bytes())
    artifacts = {
        model: Artifact.of(model, target="tensorrt", precision="fp16"),
        plain: Artifact.of(plain, target="onnxruntime", precision="fp32"),
    }
    return write_bundle(folder / "tiny", spec, artifacts, None)


def pictures(count: int, height: int, width: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    return [random.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize("rect", PARTS)
def test_masks_are_the_processors(card: Any, model: Path, spec: Spec, rect: Rect) -> None:
    engine = opened(model, spec)
    assert engine.makes_masks
    tensors = frames(spec, 4)
    before, down = card.launches, card.down
    for tensor, logits in zip(tensors, expected(model, spec, tensors), strict=True):
        mask = engine.mask(tensor, 53, 31, rect)
        assert np.array_equal(mask, kernels.argmax(logits, 53, 31, rect=rect))
    assert card.launches - before == 4 - DEPTH  # call by call each slot's first time, as a graph from then on
    assert card.down - down == 4 * (16 + 53 * 31)  # the mask and its flag, no logits
    engine.close()
    assert not card.memory
    assert not card.graphs


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
@pytest.mark.parametrize("size", [(50, 70), (18, 30), (90, 31), (7, 90)])
def test_segmenters_use_it(
    tmp_path: Path, spec: Spec, make_model: MakeModel, resize: Resize, size: tuple[int, int]
) -> None:
    boxed = replace(spec, resize=resize)
    model = tmp_path / "tiny.fp16.onnx"
    onnx.save(make_model(boxed), model)
    bundle = bundle_of(tmp_path, model, boxed)
    on_card, on_processor = edgeseg.load(bundle, engine="tensorrt"), edgeseg.load(bundle)
    assert (on_card.makes_masks, on_processor.makes_masks) == (True, False)
    for frame in pictures(3, *size):
        mask = on_card(frame)
        assert np.array_equal(mask, on_processor(frame))
        painted = on_processor.overlay(on_processor.logits(frame), frame, alpha=0.3)
        assert np.array_equal(on_card.paint(mask, frame, alpha=0.3), painted)
    on_card.close()


def test_streams_bring_only_masks_down(card: Any, tmp_path: Path, model: Path, spec: Spec) -> None:
    bundle = bundle_of(tmp_path, model, spec)
    on_card, on_processor = edgeseg.load(bundle, engine="tensorrt"), edgeseg.load(bundle)
    shown = pictures(12, 40, 60)
    down = card.down
    for result, frame in zip(edgeseg.stream(on_card, iter(shown), workers=3), shown, strict=True):
        assert result.mask is not None
        assert np.array_equal(result.mask, on_processor(frame))
    assert card.down - down == len(shown) * (16 + 40 * 60)
    on_card.close()


def test_one_channel_and_many_threads(card: Any, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    two = replace(spec, classes=("other", "road"), palette=((0, 0, 0), (128, 64, 128)))
    model = tmp_path / "two.onnx"
    onnx.save(make_model(two, channels=1), model)
    engine = opened(model, two)
    tensors = frames(two, 40)
    sizes = [(30 + 3 * (number % 3), 20 + number % 3) for number in range(40)]  # cameras of three sizes

    def work(number: int) -> bool:
        width, height = sizes[number]
        mask = engine.mask(tensors[number], width, height, PARTS[0])
        return np.array_equal(mask, kernels.argmax(logits[number], width, height, rect=PARTS[0]))

    logits = expected(model, two, tensors)
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(40)))
    assert getattr(card.current, "depth", 0) == 0
    engine.close()


def test_labels_that_may_overlap(card: Any, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    labelled = replace(spec, head=Head("multi-label", exclusive=False))
    model = tmp_path / "labels.onnx"
    onnx.save(make_model(labelled), model)
    bundle = bundle_of(tmp_path, model, labelled)
    on_card, on_processor = edgeseg.load(bundle, engine="tensorrt"), edgeseg.load(bundle)
    down = card.down
    for frame in pictures(3 * DEPTH, 31, 53):
        masks = on_card(frame)
        assert np.array_equal(masks, on_processor(frame))
        assert masks.shape == (3, 31, 53)
    assert card.down - down == 3 * DEPTH * (16 + 3 * 31 * 53)
    on_card.close()
    assert not card.memory


def test_memory_for_sizes_is_bounded(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    tensor = frames(spec, 1)[0]
    for width in range(10, 10 + 3 * DEPTH * SIZES):
        for _ in range(2 * DEPTH):
            engine.mask(tensor, width, 12, PARTS[0])
    assert len(card.memory) == DEPTH * (2 + 4 * SIZES)
    assert len(card.graphs) <= DEPTH * (1 + SIZES)
    engine.close()
    assert not card.memory


def test_without_graphs_masks_are_the_same(card: Any, model: Path, spec: Spec) -> None:
    card.capturable = False
    engine = opened(model, spec)
    tensors = frames(spec, 3)
    for tensor, logits in zip(tensors, expected(model, spec, tensors), strict=True):
        assert np.array_equal(engine.mask(tensor, 40, 25, PARTS[1]), kernels.argmax(logits, 40, 25, rect=PARTS[1]))
    assert card.launches == 0


def test_a_mask_that_cannot_be_captured_is_said(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    assert engine.without_graph is None
    card.capturable = False
    tensor = frames(spec, 1)[0]
    masks = [engine.mask(tensor, 40, 25, PARTS[1]) for _ in range(2 * DEPTH)]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)
    assert "cuStreamBeginCapture_v2 gives 900" in str(engine.without_graph)


def test_results_are_the_callers(card: Any, model: Path, spec: Spec) -> None:
    assert card
    engine = opened(model, spec)
    tensors = frames(spec, 2 * DEPTH)
    masks = [engine.mask(tensor, 40, 25, PARTS[0]) for tensor in tensors]
    copies = [mask.copy() for mask in masks]
    for tensor in tensors:
        engine.mask(255 - tensor, 40, 25, PARTS[0])
    assert all(np.array_equal(mask, copy) for mask, copy in zip(masks, copies, strict=True))


@pytest.mark.usefixtures("card")
def test_logits_that_are_no_numbers_are_refused(tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    model = make_model(spec)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[1] = np.inf
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, "weight"))
    path = tmp_path / "broken.onnx"
    onnx.save(model, path)
    engine = opened(path, spec)
    tensor = frames(spec, 1)[0]
    with pytest.raises(FrameError) as on_processor:
        kernels.argmax(engine.infer(tensor), 40, 25)
    for _ in range(3):
        with pytest.raises(FrameError) as on_card:
            engine.mask(tensor, 40, 25, PARTS[0])
        assert str(on_card.value) == str(on_processor.value)


def test_too_little_memory_for_a_mask_is_said(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    card.room = 4000
    tensor = frames(spec, 1)[0]
    with pytest.raises(EngineError, match="not enough free memory"):
        engine.mask(tensor, 400, 250, PARTS[0])
    engine.mask(tensor, 40, 25, PARTS[0])


def test_the_kernels_are_compiled_once(
    card: Any, model: Path, spec: Spec, nvcc: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    opened(model, spec).close()
    assert "compiling the mask kernels for compute capability 8.9, once" in capfd.readouterr().err
    opened(model, spec).close()
    assert capfd.readouterr().err == ""
    card.capability = (8, 7)
    opened(model, spec).close()
    assert [call.split("-arch=")[1].split()[0] for call in nvcc.read_text().splitlines()] == ["sm_89", "sm_87"]
    assert all("-fmad=false" in call for call in nvcc.read_text().splitlines())


def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("edgeseg.engines.tensorrt.mask.NVCC", "/nowhere/nvcc")


def test_without_a_compiler_the_processor_makes_the_mask_and_it_is_said(
    card: Any, tmp_path: Path, model: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_compiler(monkeypatch)
    bundle = bundle_of(tmp_path, model, spec)
    with pytest.warns(EdgeSegWarning, match="the processor makes the masks, not the card: there is no nvcc"):
        on_card = edgeseg.load(bundle, engine="tensorrt")
    assert not on_card.makes_masks
    (frame,) = pictures(1, 50, 70)
    assert np.array_equal(on_card(frame), edgeseg.load(bundle)(frame))
    assert len(card.memory) == 2 * DEPTH


PROGRAMS = {
    "fails": ("#!/bin/sh\necho 'error: unsupported GNU version' >&2\nexit 1\n", "unsupported GNU version"),
    "is silent": ("#!/bin/sh\nexit 0\n", "it says nothing"),
    "is no program": ("garbage", "does not run"),
    "makes something else": ('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho x > "$2"\n', "the card refuses"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_compiler_that_does_not_work_is_said(card: Any, model: Path, spec: Spec, nvcc: Path, name: str) -> None:
    program, said = PROGRAMS[name]
    nvcc.with_name("nvcc").write_text(program)
    with pytest.warns(EdgeSegWarning, match=said) as warned:
        engine = opened(model, spec)
    assert "\n" not in str(warned[0].message)
    assert not engine.makes_masks
    tensor = frames(spec, 1)[0]
    engine.infer(tensor)
    with pytest.raises(EngineError, match="lacks the kernels"):
        engine.mask(tensor, 40, 25, PARTS[0])
    assert card.memory


def test_the_real_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not installed")
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path))
    cubin = mask_source.compiled("8.7")
    assert cubin[:4] == b"\x7fELF"
    without_compiler(monkeypatch)
    assert mask_source.compiled("8.7") == cubin  # kept
    with pytest.raises(EngineError, match="no nvcc"):
        mask_source.compiled("8.9")
    assert len(list(cache_folder().glob("mask.*.cubin"))) == 1


def test_the_package_carries_the_sources() -> None:
    for name, source in (("mask.cu", "cuda/mask.cu"), ("edgeseg/pixel.hpp", "include/edgeseg/pixel.hpp")):
        assert (mask_source.SOURCES / name).read_bytes() == (ROOT / "cpp_bridge" / source).read_bytes()


def test_the_launcher_refuses_other_arguments(launcher: ctypes.CDLL) -> None:
    assert launcher.launch(b"edgeseg_mask", 1, 1, 1, 1, None, 3) == 1
    assert launcher.launch(b"edgeseg_other", 1, 1, 1, 1, None, 10) == 1
