"""float16 as the usual converters write it, and the fp32 artifact that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import edgeseg
from edgeseg.agreement import Agreement, OriginalAgreement
from edgeseg.bundle import Bundle
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.to_float import to_float
from edgeseg_export.verify_stages import stages
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, constant, description, network, resized, saved


def exported() -> onnx.ModelProto:
    """A network whose every tensor is float16, with a constant of that type."""
    return network(
        lambda s: [constant("two", np.array(2, np.float16)), helper.make_node("Mul", [s, "two"], ["out"])],
        kind=TensorProto.FLOAT16,
        out=TensorProto.FLOAT16,
    )


def converted(keep_io_types: bool) -> onnx.ModelProto:
    converter = pytest.importorskip("onnxruntime.transformers.float16")
    tail = [*resized("scores"), helper.make_node("Identity", ["large"], ["out"])]
    whole = onnx.shape_inference.infer_shapes(network(lambda _: tail))
    result: onnx.ModelProto = converter.convert_float_to_float16(whole, keep_io_types=keep_io_types)
    return result


MODELS = {
    "exported": exported,
    "converted": lambda: converted(False),
    "converted, float outside": lambda: converted(True),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> onnx.ModelProto:
    made: Callable[[], onnx.ModelProto] = MODELS[request.param]
    return made()


def run(model: onnx.ModelProto) -> NDArray[Any]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    tensor = np.random.default_rng(0).normal(size=(1, 3, HEIGHT, WIDTH))
    dtype = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32
    result: NDArray[Any] = session.run(None, {"x": tensor.astype(dtype)})[0]
    return result


def test_weights_stay_and_nothing_is_float16(model: onnx.ModelProto) -> None:
    wide = to_float(model)
    onnx.shape_inference.infer_shapes(wide, check_type=True, strict_mode=True)
    kinds = {tensor.data_type for tensor in wide.graph.initializer}
    assert TensorProto.FLOAT16 not in kinds
    assert not any(node.op_type == "Cast" and node.output[0] != "out" for node in wide.graph.node)
    expected = run(model).astype(np.float32)
    found = run(wide)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def test_an_import_goes_on_to_int8_and_tensorrt(model: onnx.ModelProto, tmp_path: Path, frames: Path) -> None:
    notes: list[str] = []
    stride = 1 if any(node.op_type == "Resize" for node in model.graph.node) else 4
    uniform = {"input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
    data = model_spec(description(stride=stride, **uniform))
    bundle = import_onnx(saved(model, tmp_path), data, tmp_path / "city", note=notes.append)
    assert [str(each) for each in bundle.artifacts] == ["onnxruntime fp32", "onnxruntime fp16"]
    assert any("an fp32 artifact with the same weights" in each for each in notes)
    for artifact in bundle.artifacts:
        agreement = artifact.measured.get(OriginalAgreement)
        assert agreement is not None
        assert agreement.mask_agreement >= 99.9
    frame = sample_frames(None)[0]
    masks = [edgeseg.load(bundle, precision=each)(frame) for each in ("fp32", "fp16")]
    assert (masks[0] == masks[1]).mean() > 0.99
    quantised = quantize(bundle, frames, split="train", seven_bits=False).bundle
    assert {str(each) for each in quantised.artifacts} == {
        "onnxruntime fp32",
        "onnxruntime fp16",
        "onnxruntime int8",
        "tensorrt fp16",
        "tensorrt int8",
    }
    int8 = quantised.artifact(target="onnxruntime", precision="int8").measured.get(Agreement)
    assert int8 is not None
    assert int8.mask_agreement > 95
    named = [stage.name for stage in stages(Bundle.open(quantised.folder), None)[0]]
    assert named[:2] == ["onnxruntime fp32", "onnxruntime fp16"]
