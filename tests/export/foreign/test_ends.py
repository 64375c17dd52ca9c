"""Networks as they end in the wild, the whole way: import, INT8, FP16 and verify, against the original run by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

import edgeseg
from edgeseg.accuracy.dataset import Dataset
from edgeseg.agreement import Agreement
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, SpecError
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.verify import verify
from edgeseg_export.verify_stages import stages
from tests.export.foreign.their_heads import (
    BINARY,
    argmax_then_nearest,
    clipped,
    hard,
    interpolated,
    min_max,
    node,
    sigmoid_then_resize,
    squeezed,
)
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, Nodes, by_hand, constant, description, imported, network
from tests.export.precision.their_networks import channels_last, masked, statistic

FIVE = list("abcde")


def softmax_slice(s: str) -> Nodes:
    bounds = [constant(name, np.array([value])) for name, value in (("from", 1), ("to", 2), ("axis", 1))]
    return [*resized_softmax(s), *bounds, node("Slice", "p", "out", "from", "to", "axis")]


def resized_softmax(s: str) -> Nodes:
    return [*interpolated(s)[:-1], node("Softmax", "large", "p", axis=1)]


ENDS: dict[str, tuple[Callable[[], onnx.ModelProto], list[str], int, float | None]] = {
    "clipped probabilities": (lambda: network(clipped, channels=1), BINARY, 1, 0.5),
    "a slice of a softmax": (lambda: network(softmax_slice, channels=2), BINARY, 1, 0.5),
    "min-max": (lambda: network(min_max, channels=1), BINARY, 1, 0.5),
    "hard mask": (lambda: network(hard, channels=1), BINARY, 1, 0.5),
    "squeezed": (lambda: network(squeezed, channels=1), BINARY, 1, 0.0),
    "statistic of a frame": (lambda: network(statistic), FIVE, 4, None),
    "mask beyond float16": (lambda: network(masked), FIVE, 4, None),
    "channels last": (channels_last, FIVE, 4, None),
    "sigmoid then resize": (lambda: network(sigmoid_then_resize, channels=1), BINARY, 1, 0.5),
    "sigmoid then resize, undone": (lambda: network(sigmoid_then_resize, channels=1), BINARY, 4, 0.5),
    "arg-max then nearest": (lambda: network(argmax_then_nearest), FIVE, 4, None),
    "plain": (lambda: network(interpolated), FIVE, 1, None),
}


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    """Other pictures than those that calibrate."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (4, 6, 8, 3), np.uint8)
    return [np.asarray(cv2.resize(each, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8) for each in coarse]


def labelled(folder: Path, bundle: Bundle, pictures: list[NDArray[np.uint8]]) -> Dataset:
    """The pictures with the masks of the bundle itself: what is counted is what INT8 changes."""
    model = edgeseg.load(bundle, precision="fp32")
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(folder / "images" / f"{index}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"{index}.png"), model(picture))
    classes = ", ".join(
        f'{{"name": "{name}", "colour": [{index}, 0, 0]}}' for index, name in enumerate(bundle.spec.classes)
    )
    (folder / "classes.json").write_text(f'{{"classes": [{classes}], "ignore": 255}}')
    return Dataset.open(folder)


@pytest.mark.parametrize("name", ENDS)
def test_no_step_fails_or_changes_the_meaning(
    name: str, frames: Path, pictures: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    make, classes, stride, threshold = ENDS[name]
    model = make()
    uniform = {"input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
    bundle = imported(model, tmp_path, classes=classes, stride=stride, **uniform)
    if threshold is not None:  # by hand, at the input's size
        segment = edgeseg.load(bundle)
        prepared = description(**uniform)["input"]
        wanted = [by_hand(model, each, prepared).reshape(HEIGHT, WIDTH) > threshold for each in pictures]
        same = [(segment(each) == mask).mean() for each, mask in zip(pictures, wanted, strict=True)]
        assert min(same) > 0.999
        assert 0.01 < np.mean(wanted) < 0.99, "a test whose masks are all of one class sees nothing"
    quantised = quantize(bundle, frames, split="train").bundle
    assert {str(each) for each in quantised.artifacts} >= {"onnxruntime int8", "tensorrt fp16", "tensorrt int8"}
    for artifact in quantised.artifacts:
        agreement = artifact.measured.get(Agreement)
        assert agreement is None or agreement.mask_agreement > 95, artifact
    results = verify(stages(quantised, None)[0], labelled(tmp_path / "data", quantised, pictures))
    assert results[0].matrix.pixel_accuracy == 100
    assert all(result.agreement > 95 for result in results)


@pytest.mark.parametrize(
    ("tail", "channels", "classes"),
    [(sigmoid_then_resize, 1, BINARY), (argmax_then_nearest, 5, FIVE), (interpolated, 5, FIVE), (clipped, 1, BINARY)],
)
def test_the_stride_that_is_advised_is_taken(
    tmp_path: Path, tail: Callable[[str], Nodes], channels: int, classes: list[str]
) -> None:
    """A message that names strides must not send people in a circle."""
    model = network(tail, channels=channels)
    taken = []
    for stride in (1, 2, 4, 8):
        try:
            imported(model, tmp_path, classes=classes, stride=stride)
        except EdgeSegError as error:
            advised = str(error).rpartition("give stride ")[2]
            for number in advised.split(" or "):
                imported(model, tmp_path, classes=classes, stride=int(number))
        else:
            taken.append(stride)
    assert taken


@pytest.mark.parametrize("mode", ["linear", "nearest"])
@pytest.mark.parametrize("opset", [9, 10])
def test_a_resize_from_before_coordinates_lies_where_it_lay(tmp_path: Path, opset: int, mode: str) -> None:
    """Upsample and Resize of opsets 9 and 10 are "asymmetric"; what the converter makes of them is not."""
    kind = "Upsample" if opset == 9 else "Resize"

    def tail(scores: str) -> Nodes:
        scales = constant("scales", np.array([1, 1, 4, 4], np.float32))
        return [scales, helper.make_node(kind, [scores, "scales"], ["out"], mode=mode)]

    model = network(tail, opset=opset)
    with pytest.raises(SpecError, match="give stride 1"):  # it cannot be left out
        imported(model, tmp_path, stride=4)
    segment = edgeseg.load(imported(model, tmp_path, stride=1))
    resized = cv2.resize(sample_frames(None)[0], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT)
    frame = np.asarray(resized, np.uint8)
    expected = by_hand(model, frame, description()["input"])[0].argmax(0)
    assert (segment(frame) == expected).mean() > 0.999
