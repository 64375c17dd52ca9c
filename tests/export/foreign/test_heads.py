"""What channels mean: each kind of head against the original, run by hand in ONNX Runtime and cut by its own rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, ExportError, SpecError
from edgeseg.spec import Head
from edgeseg_export.foreign.head import Range, find_head
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_heads import (
    BINARY,
    argmax_then_nearest,
    clipped,
    flattened_sigmoid,
    hard,
    hard_sigmoid,
    levels,
    min_max,
    node,
    ready,
    ready_and_taken_out,
    sigmoid,
    sigmoid_then_resize,
    squeezed,
    squeezed_sigmoid,
    taken_out,
)
from tests.export.foreign.their_onnx import (
    HEIGHT,
    WIDTH,
    Nodes,
    by_hand,
    constant,
    description,
    imported,
    network,
    resized,
    saved,
)

HEADS: dict[str, tuple[Callable[[str], Nodes], int, float, Head, dict[str, Any]]] = {
    "sigmoid": (sigmoid, 4, 0.5, Head("binary", "logits", 0.0), {}),
    "sigmoid, kept": (sigmoid, 1, 0.5, Head("binary", "logits", 0.0), {}),
    "clipped": (clipped, 1, 0.5, Head("binary", "probabilities", 0.5), {}),
    "hard sigmoid": (hard_sigmoid, 1, 0.5, Head("binary", "probabilities", 0.5), {}),
    "min-max": (min_max, 1, 0.5, Head("binary", "probabilities", 0.5), {}),
    "hard mask": (hard, 1, 0.5, Head("binary", "ids", 0.5), {}),
    "ready-made mask": (ready, 1, 0.5, Head("binary", "ids", 0.5), {}),
    "squeezed": (squeezed, 1, 0.0, Head("binary", "logits", 0.0), {}),
    "squeezed, then sigmoid": (squeezed_sigmoid, 1, 0.5, Head("binary", "logits", 0.0), {}),
    "flattened, then sigmoid": (flattened_sigmoid, 1, 0.5, Head("binary", "logits", 0.0), {}),
    "taken out": (taken_out, 1, 0.5, Head("binary", "probabilities", 0.5), {}),
    "ready-made mask, taken out": (ready_and_taken_out, 1, 0.5, Head("binary", "ids", 0.5), {}),
    "sigmoid then resize": (sigmoid_then_resize, 1, 0.5, Head("binary", "probabilities", 0.5), {}),
    "sigmoid then resize, undone": (sigmoid_then_resize, 4, 0.5, Head("binary", "probabilities", 0.5), {}),
    "stated threshold": (clipped, 1, 0.3, Head("binary", "probabilities", 0.3), {"threshold": 0.3}),
    "levels": (levels, 1, 100.0, Head("binary", "logits", 100.0), {"threshold": 100}),
}


@pytest.mark.parametrize("name", HEADS)
def test_one_channel_is_cut_where_its_users_cut_it(tmp_path: Path, name: str) -> None:
    tail, stride, threshold, head, changes = HEADS[name]
    out = TensorProto.UINT8 if tail in (ready, ready_and_taken_out) else TensorProto.FLOAT
    model = network(tail, channels=1, out=out)
    notes: list[str] = []
    bundle = import_onnx(
        saved(model, tmp_path),
        model_spec(description(classes=BINARY, stride=stride, **changes)),
        tmp_path / "city",
        note=notes.append,
    )
    assert bundle.spec.head == head
    assert bundle.spec == Bundle.open(tmp_path / "city").spec
    segment = edgeseg.load(bundle, precision="fp32")
    shares = []
    for frame in sample_frames(None):
        small = np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)
        by_users = by_hand(model, frame, description()["input"]).reshape(HEIGHT, WIDTH) > threshold
        assert (segment(small) == by_users).mean() > 0.999
        shares.append(float(by_users.mean()))
    assert 0.02 < np.mean(shares) < 0.98, "a test whose masks are all of one class sees nothing"
    assert any("its one channel" in note for note in notes) is ("threshold" not in changes)
    assert (tmp_path / "city.overlay.jpg").stat().st_size > 1000


def test_one_channel_without_an_axis_in_an_older_opset(tmp_path: Path) -> None:
    """Unsqueeze had its axes as an attribute."""
    model = network(taken_out, channels=1, opset=11)
    assert imported(model, tmp_path, classes=BINARY, stride=1).spec.head == Head("binary", "probabilities", 0.5)


def test_multi_label_is_exclusive_with_a_background(tmp_path: Path) -> None:
    def tail(s: str) -> Nodes:
        return [*resized(s), node("Sigmoid", "large", "out")]

    model = network(tail)
    labels = ["a", "b", "c", "d", "e"]
    changes: dict[str, Any] = {"head": "multi-label", "background": "none", "threshold": 0.8, "classes": labels}
    bundle = imported(model, tmp_path, **changes)
    assert bundle.spec.classes == ("none", *labels)
    assert bundle.spec.head.kind == "multi-label"
    frame = sample_frames(None)[0]
    small = np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)
    probabilities = by_hand(model, frame, description()["input"])[0]
    expected = np.where(probabilities.max(0) > 0.8, probabilities.argmax(0) + 1, 0)
    assert (edgeseg.load(bundle)(small) == expected).mean() > 0.999
    assert 0 < (expected == 0).mean() < 1


@pytest.mark.parametrize(
    ("tail", "channels", "changes", "message"),
    [
        (clipped, 1, {"values": "logits"}, "no logits"),
        (squeezed, 1, {"values": "probabilities"}, "no probabilities"),
        (levels, 1, {}, 'neither logits nor probabilities; say with "threshold"'),
        (clipped, 1, {"threshold": 3}, "the threshold 3 lies outside"),
        (sigmoid, 1, {"threshold": 2, "stride": 4}, "expected one between 0 and 1"),
        (sigmoid, 5, {"threshold": 0.5, "classes": list("abcde")}, "of classes the highest wins"),
        (sigmoid, 5, {"head": "binary", "classes": BINARY, "channels": [0, 1]}, "a binary head has one"),
        (clipped, 1, {"head": "classes"}, "one channel, which is a binary head"),
        (clipped, 1, {"head": "several"}, "expected one of classes, binary, multi-label"),
        (clipped, 1, {"background": "none"}, "goes with"),
        (clipped, 1, {"threshold": float("nan")}, "expected a finite number"),
    ],
)
def test_what_contradicts_the_frames_is_refused(
    tmp_path: Path, tail: Callable[[str], Nodes], channels: int, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        imported(network(tail, channels=channels), tmp_path, **{"classes": BINARY, "stride": 1, **changes})


def test_frames_may_show_a_part_of_the_grey_levels_alone() -> None:
    """A network of something that no street shows may stay dark on streets; its threshold is right all the same."""
    dark = Range(0.2, 29.6, whole=False)

    def head(threshold: float) -> Head:
        stated = model_spec(description(classes=BINARY, threshold=threshold))
        return find_head(dark, 1, stated, undone=(), where="theirs")

    assert head(127.5) == Head("binary", "logits", 127.5)
    with pytest.raises(SpecError, match=r"gives 0\.2 to 29\.6 on frames, and the threshold 300 lies outside"):
        head(300)


def test_a_covered_camera_makes_no_nan(tmp_path: Path) -> None:
    """Without padding the scores of a black frame are all the same, and their range is 0."""
    with pytest.raises(ExportError, match=r"frame that is all black or white.* add a small number to the divisor"):
        imported(network(min_max, channels=1, pads=0), tmp_path, classes=BINARY, stride=1)


def test_class_ids_that_are_resized_leave_their_scores(tmp_path: Path) -> None:
    """Arg-max, then nearest: the scores before both serve, and the network's own class ids are the proof."""

    notes: list[str] = []
    path = saved(network(argmax_then_nearest), tmp_path)
    bundle = import_onnx(path, model_spec(description()), tmp_path / "city", note=notes.append)
    assert bundle.artifacts[0].measured.facts["original"]["mask_agreement"] == 100
    assert any("resize of class ids is left out" in each for each in notes)


def test_a_class_that_covers_everything_is_doubted(tmp_path: Path) -> None:
    model = network()
    bias = np.zeros(5, np.float32)
    bias[2] = 1e4
    model.graph.node[2].input.append("b1")
    model.graph.initializer.append(onnx.numpy_helper.from_array(bias, "b1"))
    notes: list[str] = []
    import_onnx(saved(model, tmp_path), model_spec(description()), tmp_path / "city", note=notes.append)
    assert any(each.startswith("warning: c covers 100.0 %") for each in notes)


@pytest.mark.parametrize("mode", ["half_pixel", "align_corners"])
@pytest.mark.parametrize("kept", [False, True])
def test_logits_lie_as_the_networks_own_resize_lays_them(tmp_path: Path, mode: str, kept: bool) -> None:
    """At a size that the stride does not divide, as `interpolate(size=...)` does it."""
    width, height = 61, 46

    def tail(s: str) -> Nodes:
        sizes = constant("sizes", np.array([1, 5, height, width]))
        empty = [constant("roi", np.zeros(0, np.float32)), constant("scales", np.zeros(0, np.float32))]
        more: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": mode}
        return [sizes, *empty, node("Resize", s, "out", "roi", "scales", "sizes", **more)]

    model = network(tail, shape=(1, 3, height, width))
    changes = {"input_width": width, "input_height": height, "stride": 1 if kept else 4}
    bundle = imported(model, tmp_path, **changes)
    assert bundle.spec.grid == ("stride" if kept else {"half_pixel": "whole", "align_corners": "corners"}[mode])
    assert bundle.artifacts[0].measured.facts["original"]["mask_agreement"] >= 99.9
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (9, 12, 3), np.uint8)
    frame = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    picture = (frame[..., ::-1] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    session = edgeseg.ort.ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"x": picture.transpose(2, 0, 1)[None].astype(np.float32)})
    assert (edgeseg.load(bundle)(frame) == scores[0].argmax(0)).mean() > 0.999


def test_a_grid_that_contradicts_the_network_is_refused(tmp_path: Path) -> None:
    def tail(s: str) -> Nodes:
        return [*resized(s, coordinate_transformation_mode="align_corners"), node("Identity", "large", "out")]

    with pytest.raises(SpecError, match='by the grid "corners", not "whole"'):
        imported(network(tail), tmp_path, grid="whole")


@pytest.mark.parametrize("kind", ["UINT8", "UINT16", "INT16", "INT32", "INT64"])
def test_levels_of_a_picture_are_taken_as_they_are(kind: str, tmp_path: Path) -> None:
    """A network with its normalisation inside, uint8 or int32 (1, H, W, 3), as TensorFlow exports it."""
    model = network()
    nodes = [node("Cast", "levels", "float", to=TensorProto.FLOAT), node("Transpose", "float", "x", perm=[0, 3, 1, 2])]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    model.graph.input[0].CopyFrom(
        helper.make_tensor_value_info("levels", getattr(TensorProto, kind), (1, HEIGHT, WIDTH, 3))
    )
    plain = {"input_range": 255, "input_mean": [0, 0, 0], "input_std": [1, 1, 1]}
    bundle = imported(model, tmp_path, **plain, input_colour="BGR")
    assert bundle.artifacts[0].measured.facts["original"]["max_difference"] == 0
    again = imported(model, tmp_path, **plain | {"input_range": 1}, input_colour="BGR")
    assert again.artifacts[0].sha256 == bundle.artifacts[0].sha256
    with pytest.raises(EdgeSegError, match=f"{kind.lower()} levels, which cannot be normalised"):
        imported(model, tmp_path / "..")


def test_nodes_in_any_order(tmp_path: Path) -> None:
    model = network(sigmoid, channels=1)
    nodes: list[Any] = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    imported(model, tmp_path, classes=BINARY)
    model.graph.node[0].input[0] = "nothing"
    with pytest.raises(EdgeSegError, match="reads what nothing computes"):
        imported(model, tmp_path, classes=BINARY)
