"""ONNX files and specs that are refused, and data files beside a model."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg.errors import EdgeSegError, ExportError, SpecError
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import (
    HEIGHT,
    WIDTH,
    Nodes,
    argmaxed,
    by_hand,
    constant,
    description,
    imported,
    network,
)


def test_custom_operators_are_refused_by_name(tmp_path: Path) -> None:
    model = network(lambda s: [helper.make_node("Magic", [s], ["out"], domain="acme")])
    model.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(ExportError, match=r"custom operators.*acme:Magic"):
        imported(model, tmp_path)


TURNED = "turns or reshapes its class ids after the arg-max"
FAR = np.array([0, 0, -np.inf, 0, 0], np.float32).reshape(1, 5, 1, 1)


def same(s: str) -> Nodes:
    return [helper.make_node("Identity", [s], ["out"])]


def chosen(s: str, *more: onnx.NodeProto) -> Nodes:
    return [helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=0), *more]


def reshaped(s: str, *shape: int) -> Nodes:
    nodes = chosen(s, helper.make_node("Reshape", ["ids", "shape"], ["out"]))
    return [constant("shape", np.array(shape)), *nodes]


def turned(s: str) -> Nodes:
    return chosen(s, helper.make_node("Transpose", ["ids"], ["out"], perm=[0, 2, 1]))


def worst(s: str) -> Nodes:
    return [helper.make_node("ArgMin", [s], ["out"], axis=1, keepdims=0)]


def best(s: str) -> Nodes:
    """Class ids of a TopK whose values are read too, so that it is more than an arg-max."""
    chosen = [constant("one", np.array([1])), helper.make_node("TopK", [s, "one"], ["most", "ids"], axis=1)]
    nothing = [constant("none", np.array(0, np.float32)), helper.make_node("Mul", ["most", "none"], ["zero"])]
    zero = helper.make_node("Cast", ["zero"], ["whole"], to=TensorProto.INT64)
    return [*chosen, *nothing, zero, helper.make_node("Add", ["ids", "whole"], ["out"])]


def last(s: str) -> Nodes:
    moved = helper.make_node("Transpose", [s], ["last"], perm=[0, 2, 3, 1])
    return [moved, helper.make_node("Relu", ["last"], ["out"])]


def dropped(s: str) -> Nodes:
    ratio, training = constant("ratio", np.array(0.5, np.float32)), constant("training", np.array(True))
    return [ratio, training, helper.make_node("Dropout", [s, "ratio", "training"], ["out"])]


def mixed(s: str) -> Nodes:
    """Scores that depend on the other pictures of the batch."""
    return [helper.make_node("ReduceMean", [s], ["mean"], axes=[0]), helper.make_node("Sub", [s, "mean"], ["out"])]


def tied(s: str) -> Nodes:
    """Scores in a shape that holds the number of pictures."""
    shape = constant("shape", np.array([4, 5, 12, 16]))
    flat = helper.make_node("Flatten", [s], ["flat"])
    return [shape, flat, helper.make_node("Reshape", ["flat", "shape"], ["out"])]


def halved(s: str) -> Nodes:
    return [helper.make_node("Cast", [s], ["out"], to=TensorProto.BFLOAT16)]


def enlarged_twice(s: str) -> Nodes:
    """Scores that two resizes enlarge in turn, which is not what one would give."""
    first = [constant("roi", np.zeros(0, np.float32)), constant("twice", np.array([1, 1, 2, 2], np.float32))]
    steps = [(s, "larger"), ("larger", "out")]
    return first + [helper.make_node("Resize", [a, "roi", "twice"], [b], mode="linear") for a, b in steps]


def doubled(s: str) -> Nodes:
    """Scores of a convolution in double, as a float64 array of NumPy makes it."""
    return [
        helper.make_node("Cast", [s], ["long"], to=TensorProto.DOUBLE),
        constant("weights", np.ones((5, 5, 1, 1))),
        helper.make_node("Conv", ["long", "weights"], ["longer"]),
        helper.make_node("Cast", ["longer"], ["out"], to=TensorProto.FLOAT),
    ]


def rounded(s: str) -> Nodes:
    """Scores of an operator that ONNX Runtime lacks for bfloat16."""
    cast = helper.make_node("Cast", [s], ["half"], to=TensorProto.BFLOAT16)
    return [cast, helper.make_node("Conv", ["half", "half"], ["c"]), helper.make_node("Cast", ["c"], ["out"], to=1)]


BAD: list[tuple[onnx.ModelProto, dict[str, Any], str]] = [
    (network(), {"stride": 8}, r"\(1, 5, 12, 16\).*stride 8.*give stride 4"),
    (network(channels=1), {"classes": ["a", "b", "c"]}, "gives 1 channel, but the spec has 3 classes"),
    (network(), {"classes": ["a", "b"]}, "5 channels, but the spec has 2 classes"),
    (network(), {"classes": ["a", "b"], "channels": [0, 5]}, "5 channels, but the spec's channels name 5"),
    (network(), {"input_width": 32}, "takes 64x48, the spec says 32x48"),
    (network(tied, shape=(4, 3, HEIGHT, WIDTH)), {}, "is tied to 4 pictures at once.*export it with a batch of 1"),
    (network(mixed, shape=(4, 3, HEIGHT, WIDTH)), {}, "disagrees with itself.*export it with a batch of 1"),
    (network(shape=(1, 4, HEIGHT, WIDTH)), {}, r"takes float \(1, 4, 48, 64\), expected float or uint8 \(1, 3, "),
    (network(shape=(1, HEIGHT, WIDTH, 3)), {}, "fails on a 64x48 input"),  # its convolution takes channels first
    (network(kind=TensorProto.DOUBLE, out=TensorProto.DOUBLE), {}, r"takes double .*; export it in float32, after"),
    (network(lambda s: [helper.make_node("ReduceMean", [s], ["out"], axes=[2, 3])]), {}, r"gives \(1, 5, 1, 1\)"),
    (network(lambda s: [helper.make_node("Nonsense", [s], ["out"])]), {}, "Nonsense, which ONNX does not define"),
    (network(turned, out=TensorProto.INT64), {}, TURNED),
    (network(lambda s: reshaped(s, 1, 16, 12), out=TensorProto.INT64), {}, TURNED),
    (network(best, out=TensorProto.INT64), {}, "gives class ids that no arg-max"),
    (network(worst, out=TensorProto.INT64), {}, "holds class ids that no arg-max"),
    (network(lambda s: [constant("far", FAR), helper.make_node("Add", [s, "far"], ["out"])]), {}, "in channel 2; "),
    (network(lambda s: [helper.make_node("Constant", [], ["none"]), *same(s)]), {}, "a Constant without a value"),
    (network(halved, out=TensorProto.BFLOAT16), {}, r"computes out as tensor\(bfloat16\), .*in float32"),
    (network(enlarged_twice), {}, "ends in 2 resizes in turn, which one does not equal; give the stride before"),
    (network(doubled), {}, r"Conv in double: use model.float\(\), and no .double\(\)"),
    (network(rounded), {}, r"is refused by ONNX Runtime: .*bfloat16.*; export it in float32"),
    (network(dropped), {}, "gives other scores each time for the same frame, as Dropout in training mode"),
    (network(shape=(1, 3, HEIGHT, "w")), {"input_height": 32}, "takes anyx48, the spec says 64x32"),
]


@pytest.mark.parametrize(("model", "changes", "message"), BAD)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, model: onnx.ModelProto, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(EdgeSegError, match=message) as raised:
        imported(model, tmp_path, **changes)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "city").exists()


def test_weights_that_are_not_numbers_are_named(tmp_path: Path) -> None:
    model = network()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[0, 0, 0, 0] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w0"))
    with pytest.raises(ExportError, match="holds NaN in its weights w0: its training diverged"):
        imported(model, tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", network().SerializeToString()[:200], bytes(range(256)) * 4])
def test_files_that_are_no_models_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"theirs\.onnx") as raised:
        import_onnx(path, model_spec(description()), tmp_path / "city")
    assert "\n" not in str(raised.value)
    with pytest.raises(ExportError, match="check the path"):
        import_onnx(tmp_path / "none.onnx", model_spec(description()), tmp_path / "city")


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_are_imported_or_refused(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(network(argmaxed, out=TensorProto.UINT8).SerializeToString())
    for at in random.integers(0, 500, random.integers(1, 4)):  # of both ends: weights lie between
        content[at if random.random() < 0.5 else -1 - at] = random.integers(256)
    path = tmp_path / "theirs.onnx"
    path.write_bytes(content)
    with contextlib.suppress(EdgeSegError):  # anything else is a fault of ours
        import_onnx(path, model_spec(description()), tmp_path / "city")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stirde": 4}, "unknown field 'stirde'"),
        ({"input_layout": "NHWC"}, "unknown field 'layout'"),
        ({"input_colour": "GBR"}, "expected 'RGB', 'BGR' or"),
        ({"input_range": 100}, "expected 1 .* or 255"),
        ({"input_range": 255}, "is the range 1"),
        ({"input_range": 255, "input_mean": [123.675, 116.28, 103.53]}, "is the range 1"),
        ({"input_std": [58.395, 57.12, 57.375]}, "is the range 255"),
        ({"input_std": [1, 0, 1]}, "above 0"),
        ({"input_mean": [1, 2]}, "three numbers"),
        ({"channels": [0, 0, 1, 2, 3]}, "another one for each class"),
        ({"classes": ["a"]}, "expected 2 to 255"),
        ({"classes": ["a", 1]}, "expected a string"),
    ],
)
def test_specs_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        model_spec(description(**changes))


def test_a_missing_field_is_named() -> None:
    data = description()
    del data["input"]["mean"]
    with pytest.raises(SpecError, match="no field 'mean'"):
        model_spec(data)


def test_an_output_that_is_a_sequence_is_passed_over(tmp_path: Path) -> None:
    model = network(lambda s: [*same(s), helper.make_node("SequenceConstruct", [s], ["list"])])
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    model.graph.output.append(helper.make_value_info("list", kind))
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_allclose(logits, by_hand(network(), frame, description()["input"]), atol=1e-3)
    with pytest.raises(SpecError, match="no output 'list' that is a tensor; it gives out"):
        imported(model, tmp_path, output="list")


def test_a_model_that_gives_nothing_is_refused(tmp_path: Path) -> None:
    model = network()
    del model.graph.output[:]
    with pytest.raises(ExportError, match="gives no tensor"):
        imported(model, tmp_path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("w.pth", r"export package\.module:factory --weights w\.pth"),
        ("n.pt2", "torch.onnx.export"),
        ("n.bin", "an exporter"),
        ("n.tflite", "convert it with tf2onnx first"),
        ("n.engine", "cannot be turned back; give the ONNX file that it was built from"),
    ],
)
def test_files_of_other_kinds_are_told_how_they_come_in(tmp_path: Path, name: str, advice: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04" + bytes(60))
    with pytest.raises(ExportError, match=f"{name} is not an ONNX model.*{advice}"):
        import_onnx(tmp_path / name, model_spec(description()), tmp_path / "city")


def test_a_pointer_of_git_lfs_is_called_so(tmp_path: Path) -> None:
    """What a clone has in place of the file where Git LFS is not installed."""
    path = tmp_path / "n.onnx"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(ExportError, match=r"n\.onnx is a pointer of Git LFS, no ONNX model; fetch the file itself"):
        import_onnx(path, model_spec(description()), tmp_path / "city")
