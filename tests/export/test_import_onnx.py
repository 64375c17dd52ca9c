"""ONNX files as other people make them, wrapped and compared with the file as it came."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg import kernels
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, ExportError, SpecError
from edgeseg.export.frames import sample_frames
from edgeseg.export.import_command import import_command
from edgeseg.export.import_onnx import import_onnx
from edgeseg.export.model_spec import model_spec

WIDTH, HEIGHT, CLASSES = 64, 48, 5
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
Nodes = list[onnx.NodeProto]


def description(**changes: Any) -> dict[str, Any]:
    """A spec.json for the networks below; `input_*` changes a field of its input."""
    data: dict[str, Any] = {
        "format": 1,
        "name": "city",
        "input": {
            "width": WIDTH,
            "height": HEIGHT,
            "resize": "stretch",
            "pad": 127,
            "dynamic": False,
            "colour": "RGB",
            "range": 1,
            **IMAGENET,
        },
        "stride": 4,
        "classes": ["a", "b", "c", None, "void"],
        "palette": None,
        "ignore": 255,
        "licence": "none",
    }
    for key, value in changes.items():
        target, name = (data["input"], key[6:]) if key.startswith("input_") else (data, key)
        target[name] = value
    return data


def network(
    tail: Callable[[str], Nodes] = lambda scores: [helper.make_node("Identity", [scores], ["out"])],
    *,
    channels: int = CLASSES,
    opset: int = 13,
    pads: int = 1,
    kind: int = TensorProto.FLOAT,
    out: int = TensorProto.FLOAT,
    shape: tuple[Any, ...] = (1, 3, HEIGHT, WIDTH),
) -> onnx.ModelProto:
    """Two convolutions of stride 2 (3x3 with padding, or 2x2 without), then the nodes of `tail`, which make "out"."""
    random = np.random.default_rng(3)
    side = 3 if pads else 2
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    weights = {
        "w0": random.normal(size=(8, 3, side, side)) / 3,
        "b0": random.normal(size=8),
        "w1": random.normal(size=(channels, 8, side, side)) / 4,
    }
    attributes: dict[str, Any] = {"strides": [2, 2], "pads": [pads, pads, pads, pads]}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], **attributes),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["scores"], **attributes),
        *tail("scores"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("out", out, None)],
        [numpy_helper.from_array(values.astype(dtype), name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def constant(name: str, values: NDArray[Any]) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))


def resized(scores: str, **attributes: Any) -> Nodes:
    settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", **attributes}
    return [
        constant("roi", np.zeros(0, np.float32)),  # opset 11 wants one
        constant("scales", np.array([1, 1, 4, 4], np.float32)),
        helper.make_node("Resize", [scores, "roi", "scales"], ["large"], **settings),
    ]


def argmaxed(scores: str) -> Nodes:
    return [
        *resized(scores),
        helper.make_node("ArgMax", ["large"], ["ids"], axis=1, keepdims=0),
        helper.make_node("Cast", ["ids"], ["out"], to=TensorProto.UINT8),
    ]


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "theirs.onnx"
    onnx.save(model, path)
    return path


def imported(model: onnx.ModelProto, folder: Path, **changes: Any) -> Bundle:
    return import_onnx(saved(model, folder), model_spec(description(**changes)), folder / "city")


def by_hand(model: onnx.ModelProto, frame: NDArray[np.uint8], data: dict[str, Any]) -> NDArray[Any]:
    """The original's output on a frame that OpenCV and NumPy prepare."""
    small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT)
    picture = cv2.cvtColor(small, cv2.COLOR_BGR2RGB) if data["colour"] == "RGB" else small
    levels = picture.astype(np.float64) * data["range"] / 255
    tensor = ((levels - data["mean"]) / data["std"]).transpose(2, 0, 1)[None].astype(np.float32)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, {"x": tensor})[0]
    return result


LEVELS = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
UNIFORM = {"mean": [127.0] * 3, "std": [128.0] * 3}


@pytest.mark.parametrize(
    ("colour", "range_", "numbers", "pads"),
    [
        (colour, range_, numbers, pads)
        for colour, (range_, numbers), pads in itertools.product(
            ("RGB", "BGR"), ((1, IMAGENET), (255, LEVELS), (255, UNIFORM)), (0, 1)
        )
    ],
)
def test_every_normalisation_is_in_the_graph(
    tmp_path: Path, colour: str, range_: int, numbers: dict[str, list[float]], pads: int
) -> None:
    model = network(pads=pads)
    changes = {"input_colour": colour, "input_range": range_, **{f"input_{k}": v for k, v in numbers.items()}}
    bundle = imported(model, tmp_path, **changes)
    frame = sample_frames(None)[0]
    expected = by_hand(model, frame, {"colour": colour, "range": range_, **numbers})
    found = edgeseg.load(bundle).logits(frame)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    graph = onnx.load(bundle.path(bundle.artifacts[0])).graph
    kinds = [node.op_type for node in graph.node if node.op_type != "Cast" or node.input[0] == "frame"]
    between = kinds[2 : kinds.index("Conv")]
    uniform = numbers is UNIFORM
    assert kinds[:2] == ["Cast", "Transpose"]
    assert between == (["Sub", "Div"] if uniform else ["Sub"] if pads else [])


def test_the_order_of_channels_is_an_operator_where_no_convolution_can_hold_it(tmp_path: Path) -> None:
    model = network()
    model.graph.node.insert(0, helper.make_node("Identity", ["x"], ["y"]))
    model.graph.node[1].input[0] = "y"
    bundle = imported(model, tmp_path)
    kinds = [node.op_type for node in onnx.load(bundle.path(bundle.artifacts[0])).graph.node]
    assert kinds[:5] == ["Cast", "Transpose", "Gather", "Sub", "Div"]
    assert bundle.artifacts[0].measured["original"]["max_difference"] < 1e-3


TAILS: dict[str, tuple[Callable[[str], Nodes], int, list[str]]] = {
    "softmax": (lambda s: [helper.make_node("Softmax", [s], ["out"], axis=1)], TensorProto.FLOAT, ["Softmax"]),
    "resize": (
        lambda s: [*resized(s), helper.make_node("Identity", ["large"], ["out"])],
        TensorProto.FLOAT,
        ["Resize"],
    ),
    "argmax": (argmaxed, TensorProto.UINT8, ["Resize", "ArgMax"]),
    "nhwc": (
        lambda s: [
            helper.make_node("Transpose", [s], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("Softmax", ["last"], ["out"], axis=3),
        ],
        TensorProto.FLOAT,
        ["Softmax"],
    ),
}


@pytest.mark.parametrize("name", TAILS)
def test_what_follows_the_logits_is_undone(tmp_path: Path, name: str) -> None:
    tail, out, undone = TAILS[name]
    bundle = imported(network(tail, out=out), tmp_path)
    figures = bundle.artifacts[0].measured["original"]
    assert figures["undone"] == undone
    assert figures["mask_agreement"] >= 99.9
    kinds = {node.op_type for node in onnx.load(bundle.path(bundle.artifacts[0])).graph.node}
    assert not kinds & {"ArgMax", "Softmax", "Resize"}
    plain = network()
    data = description()["input"]
    frame = sample_frames(None)[1]
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), by_hand(plain, frame, data), atol=1e-3)


def test_a_resize_stays_where_the_stride_says_so(tmp_path: Path) -> None:
    def corners(scores: str) -> Nodes:
        return [
            *resized(scores, coordinate_transformation_mode="align_corners"),
            helper.make_node("ArgMax", ["large"], ["out"], axis=1),
        ]

    model = network(corners, out=TensorProto.INT64)
    with pytest.raises(ExportError, match=r"align_corners.*give the stride after that resize"):
        imported(model, tmp_path)
    bundle = imported(model, tmp_path, stride=1)
    assert bundle.artifacts[0].measured["original"] | {"undone": ["ArgMax"]} == bundle.artifacts[0].measured["original"]


def test_one_channel_with_a_sigmoid(tmp_path: Path) -> None:
    def sigmoid(scores: str) -> Nodes:
        return [helper.make_node("Sigmoid", [scores], ["out"])]

    model = network(sigmoid, channels=1)
    bundle = imported(model, tmp_path, classes=["other", "road"])
    frame = sample_frames(None)[2]
    logits = edgeseg.load(bundle).logits(frame)
    assert logits.shape[1] == 1
    probability = by_hand(model, frame, description()["input"])
    assert np.array_equal(kernels.argmax(logits, WIDTH // 4, HEIGHT // 4), probability[0, 0] > 0.5)


def test_channels_without_a_class_are_left_out(tmp_path: Path) -> None:
    bundle = imported(network(), tmp_path, classes=["d", "a"], channels=[3, 0])
    frame = sample_frames(None)[0]
    expected = by_hand(network(), frame, description()["input"])[:, [3, 0]]
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)


def test_unnamed_classes_have_names_and_every_class_a_colour(tmp_path: Path) -> None:
    spec = imported(network(), tmp_path).spec
    assert spec.classes == ("a", "b", "c", "class 3", "void")
    assert len(set(spec.palette)) == CLASSES


@pytest.mark.parametrize("opset", range(11, 23))
def test_opsets_are_converted(tmp_path: Path, opset: int) -> None:
    def tail(scores: str) -> Nodes:  # a resize that stays, as it is not the last
        return [*resized(scores), helper.make_node("Relu", ["large"], ["out"])]

    bundle = imported(network(tail, opset=opset), tmp_path, stride=1)
    model = onnx.load(bundle.path(bundle.artifacts[0]))
    assert [entry.version for entry in model.opset_import] == [18]


@pytest.mark.parametrize("opset", [9, 10, 23])
def test_other_opsets_are_refused(tmp_path: Path, opset: int) -> None:
    with pytest.raises(ExportError, match=f"opset {opset}, expected 11 to 22"):
        imported(network(opset=opset), tmp_path)


def test_half_precision(tmp_path: Path) -> None:
    bundle = imported(network(kind=TensorProto.FLOAT16, out=TensorProto.FLOAT16), tmp_path)
    assert bundle.artifacts[0].precision == "fp16"
    assert edgeseg.load(bundle).logits(sample_frames(None)[0]).dtype == np.float32


def test_dynamic_shapes(tmp_path: Path) -> None:
    model = network(shape=("n", 3, "h", "w"))
    fixed = imported(model, tmp_path)
    frame_input = onnx.load(fixed.path(fixed.artifacts[0])).graph.input[0]
    assert [dim.dim_value for dim in frame_input.type.tensor_type.shape.dim] == [1, HEIGHT, WIDTH, 3]
    dynamic = imported(model, tmp_path, input_dynamic=True)
    session = ort.InferenceSession(str(dynamic.path(dynamic.artifacts[0])), providers=["CPUExecutionProvider"])
    assert session.run(None, {"frame": np.zeros((1, 96, 80, 3), np.uint8)})[0].shape == (1, CLASSES, 24, 20)
    with pytest.raises(SpecError, match='"dynamic"; write false'):
        imported(network(), tmp_path, input_dynamic=True)


def test_one_of_several_outputs(tmp_path: Path) -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("r0", TensorProto.FLOAT, None))
    with pytest.raises(SpecError, match=r'gives out, r0; say with "output"'):
        imported(model, tmp_path)
    with pytest.raises(SpecError, match="no output 'logits'"):
        imported(model, tmp_path, output="logits")
    imported(model, tmp_path, output="out")


def external(folder: Path, location: str) -> Path:
    """A network whose first weights lie in `location`; 864 bytes of it are theirs."""
    model = network()
    tensor = model.graph.initializer[0]
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "4", "length": str(len(content))}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(b"abcd" + content)
    return saved(model, folder)


def test_external_data_comes_along(tmp_path: Path) -> None:
    bundle = import_onnx(external(tmp_path, "weights.bin"), model_spec(description()), tmp_path / "city")
    (tmp_path / "weights.bin").unlink()
    frame = sample_frames(None)[0]
    expected = by_hand(network(), frame, description()["input"])
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "inner/../../weights.bin", "link.bin", ""])
def test_external_data_outside_is_refused(tmp_path: Path, location: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(4000))
    path = external(inner, location)
    (inner / "link.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(ExportError, match="leads out of its folder"):
        import_onnx(path, model_spec(description()), tmp_path / "city")


def test_external_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = external(tmp_path, "other.bin")
    with pytest.raises(ExportError, match="not there"):
        import_onnx(path, model_spec(description()), tmp_path / "city")
    path = external(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    with pytest.raises(ExportError, match="beyond the end"):
        import_onnx(path, model_spec(description()), tmp_path / "city")


def test_custom_operators_are_refused_by_name(tmp_path: Path) -> None:
    model = network(lambda s: [helper.make_node("Magic", [s], ["out"], domain="acme")])
    model.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(ExportError, match=r"custom operators.*acme:Magic"):
        imported(model, tmp_path)


BAD: list[tuple[onnx.ModelProto, dict[str, Any], str]] = [
    (network(), {"stride": 8}, r"\(1, 5, 12, 16\).*stride 8.*give stride 4"),
    (network(), {"classes": ["a", "b"]}, "5 channels, but the spec has 2 classes"),
    (network(), {"classes": ["a", "b"], "channels": [0, 5]}, "5 channels, but the spec's channels name 5"),
    (network(), {"input_width": 32}, "takes 64x48, the spec says 32x48"),
    (network(shape=(4, 3, HEIGHT, WIDTH)), {}, "takes 4 pictures at once"),
    (network(shape=(1, HEIGHT, WIDTH, 3)), {}, r"takes float \(1, 48, 64, 3\), expected float \(1, 3"),
    (network(kind=TensorProto.DOUBLE, out=TensorProto.DOUBLE), {}, r"takes double"),
    (network(lambda s: [helper.make_node("ReduceMean", [s], ["out"], axes=[2, 3])]), {}, r"gives \(1, 5, 1, 1\)"),
    (network(lambda s: [helper.make_node("Nonsense", [s], ["out"])]), {}, "Nonsense, which ONNX does not define"),
]


@pytest.mark.parametrize(("model", "changes", "message"), BAD)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, model: onnx.ModelProto, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(EdgeSegError, match=message) as raised:
        imported(model, tmp_path, **changes)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("content", [b"", b"text", network().SerializeToString()[:200], bytes(range(256)) * 4])
def test_files_that_are_no_models_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"theirs\.onnx") as raised:
        import_onnx(path, model_spec(description()), tmp_path / "city")
    assert "\n" not in str(raised.value)
    with pytest.raises(ExportError, match="check the path"):
        import_onnx(tmp_path / "none.onnx", model_spec(description()), tmp_path / "city")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stirde": 4}, "unknown field 'stirde'"),
        ({"input_layout": "NHWC"}, "unknown field 'layout'"),
        ({"input_colour": "GBR"}, "expected 'RGB' or 'BGR'"),
        ({"input_range": 100}, "expected 1 .* or 255"),
        ({"input_range": 255}, "is the range 1"),
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


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(description()))
    assert import_command(saved(network(), tmp_path), spec=tmp_path / "spec.json", out=tmp_path / "city") == 0
    assert "original" in capsys.readouterr().out
    card = (tmp_path / "city" / "README.md").read_text()
    assert "theirs.onnx" in card
    assert "Accuracy was not measured" in card
