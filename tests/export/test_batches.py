"""Several pictures at once: each gives what it gives alone, and a network of which that is not true is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg.agreement import BatchAgreement
from edgeseg.bundle import Bundle
from edgeseg.describe import tables
from edgeseg.engines.tensorrt.build import Options
from edgeseg.errors import ExportError, FrameError, UsageError
from edgeseg.models import NETWORKS, build
from edgeseg.models.weights import save_weights
from edgeseg.spec import Spec
from edgeseg.terminal import make_console
from edgeseg.train.settings import TrainSettings
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.as_written import AsWritten
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.sizes import ANY, parse_batch
from edgeseg_export.to_engine import compile_engine
from edgeseg_export.to_onnx import export
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, description, network
from tests.export.kinds import KINDS

COUNT = 256
"""Pictures among which one is lost in the mean."""

RUNTIMES = {name for name in ("onnxruntime", "openvino") if find_spec(name) is not None}


def exported(net: str, folder: Path, **options: Any) -> Bundle:
    """A bundle of a narrow network with random weights, for 96x64 frames.

    Those of the two SegNets are for larger ones. A rounding, which differs by processor, may turn a choice of their
    pooling, and logits all around with it: of a small frame that is more than the proof of the export allows.
    """
    torch.manual_seed(1)
    width, height = (288, 192) if net.startswith("segnet") else (96, 64)
    stride = NETWORKS[net].strides[0]
    spec = Spec("tiny", width, height, "stretch", stride, ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")
    training = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}
    save_weights(folder / "w.safetensors", build(net, 3, 0.2), net, 0.2, spec, training)
    return export(folder / "w.safetensors", folder / "tiny", **options)


def check_alone_and_together(bundle: Bundle, engine: str, **options: Any) -> None:
    """Bit for bit; pictures of other sizes among them."""
    model = edgeseg.load(bundle, engine=engine, threads=1, **options)
    count = bundle.spec.batch
    frames = [np.roll(frame, 7 * place, 1) for place in range(4) for frame in sample_frames(None)][: 2 * count + 1]
    frames[1] = np.ascontiguousarray(frames[1][:50, :70])
    alone = [model(frame) for frame in frames]
    for one, other in zip(model.masks(frames), alone, strict=True):
        assert np.array_equal(one, other)
    tensor = np.concatenate([model.prepare(frame).copy() for frame in frames[: count + 1]])
    for size in range(1, count + 1):
        together = model.infer(tensor[:size])
        assert together.shape[0] == size
        for place in range(size):
            assert np.array_equal(together[place], model.infer(tensor[place : place + 1])[0])
    with pytest.raises(FrameError, match=rf"expected \(1 to {count}, {bundle.spec.height}, {bundle.spec.width}, 3\)"):
        model.infer(tensor)
    with pytest.raises(FrameError, match=r"got a tensor \(0, "):
        model.infer(tensor[:0])


@pytest.mark.parametrize("net", KINDS)
def test_every_kind_takes_several_pictures(net: str, tmp_path: Path) -> None:
    bundle = exported(net, tmp_path, batch=5)
    (artifact,) = bundle.artifacts
    proof = artifact.measured.get(BatchAgreement)
    assert proof is not None
    assert (proof.sizes, proof.mask_agreement) == ((1, 2, 3, 5), 100.0)
    assert proof.max_difference == dict.fromkeys(RUNTIMES, 0.0)
    assert Bundle.open(bundle.folder).spec.batch == 5
    dims = onnx.load(bundle.path(artifact)).graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_value for dim in dims] == [0, bundle.spec.height, bundle.spec.width, 3]
    for runtime in RUNTIMES:
        check_alone_and_together(bundle, runtime)


def test_of_any_size_too(tmp_path: Path) -> None:
    bundle = exported("lite-fpn-nano", tmp_path, batch=2, dynamic=True)
    model = edgeseg.load(bundle, size=(128, 96), threads=1)
    frames = sample_frames(None)[:2]
    assert all(np.array_equal(one, model(frame)) for one, frame in zip(model.masks(frames), frames, strict=True))


def test_one_picture_stays_what_it_was(tmp_path: Path) -> None:
    bundle = exported("simple-cnn", tmp_path)
    assert bundle.spec.batch == 1
    assert "batch" not in bundle.spec.to_json()["input"]
    assert bundle.artifacts[0].measured.get(BatchAgreement) is None
    model = edgeseg.load(bundle, threads=1)
    with pytest.raises(FrameError, match=r"expected \(1, 64, 96, 3\)"):
        model.infer(np.zeros((2, 64, 96, 3), np.uint8))
    frames = sample_frames(None)[:2]
    assert all(np.array_equal(one, model(frame)) for one, frame in zip(model.masks(frames), frames, strict=True))
    with pytest.raises(UsageError, match="leave out --batch or --mask-in-graph"):
        exported("simple-cnn", tmp_path, batch=2, mask_in_graph=True)


def test_quantised_artifacts_take_as_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = exported("lite-fpn", tmp_path, batch=3)
    (tmp_path / "images").mkdir()
    for number in range(24):
        picture = np.roll(sample_frames(None)[number % 4], 37 * number, 1)
        cv2.imwrite(str(tmp_path / f"images/{number:02}.png"), picture[: 64 + 8 * number, : 96 + 8 * number])
    bundle = quantize(bundle, tmp_path / "images", method="minmax", seven_bits=True).bundle
    assert len(bundle.artifacts) == 5
    for artifact in bundle.artifacts:
        proof = artifact.measured.get(BatchAgreement)
        assert proof is not None
        assert proof.sizes == (1, 2, 3)
        assert proof.mask_agreement > 99.9
        expected = RUNTIMES if artifact.target == "onnxruntime" else {"onnxruntime, as written"}
        assert set(proof.max_difference) == expected
        if artifact.target == "onnxruntime":
            check_alone_and_together(bundle, "onnxruntime", artifact=artifact)
    make_console().print(tables(bundle))
    assert "up to 3 at once" in capsys.readouterr().out


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_tensorrt_builds_a_profile(precision: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx, which builds engines, is not installed")
    bundle = exported("lite-fpn-nano", tmp_path, batch=4)
    (tmp_path / "images").mkdir()
    for number in range(24):
        cv2.imwrite(str(tmp_path / f"images/{number:02}.png"), np.roll(sample_frames(None)[0], 37 * number, 1))
    bundle = quantize(bundle, tmp_path / "images", method="minmax").bundle
    for batch in (1, 4):
        result = compile_engine(bundle, "tensorrt-rtx", precision, tmp_path / str(batch), options=Options(batch=batch))
        assert result.engine.read_bytes()[:4] == b"vtrt"
    with pytest.raises(UsageError, match="takes 1 to 4 pictures at once"):
        compile_engine(bundle, "tensorrt-rtx", precision, tmp_path, options=Options(batch=5))


def test_an_imported_network_takes_several(tmp_path: Path) -> None:
    path = tmp_path / "theirs.onnx"
    onnx.save_model(network(shape=("N", 3, HEIGHT, WIDTH)), path)
    bundle = import_onnx(path, model_spec(description()).with_batch(4), tmp_path / "city")
    proof = bundle.artifacts[0].measured.get(BatchAgreement)
    assert proof is not None
    assert proof.sizes == (1, 2, 3, 4)
    for runtime in RUNTIMES:
        check_alone_and_together(bundle, runtime)


def test_a_file_for_one_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.onnx"
    onnx.save_model(network(), path)
    with pytest.raises(ExportError, match="takes 1 picture at once, no other number"):
        import_onnx(path, model_spec(description()).with_batch(4), tmp_path / "city")


def mixing(scores: str) -> list[onnx.NodeProto]:
    """A tail that takes the mean of all pictures off: of one alone, its own."""
    axes = numpy_helper.from_array(np.array([0, 2, 3], np.int64), "axes")
    return [
        helper.make_node("Constant", [], ["axes"], value=axes),
        helper.make_node("ReduceMean", [scores], ["mean"], axes=[0, 2, 3], keepdims=1),
        helper.make_node("Sub", [scores, "mean"], ["out"]),
    ]


def tied(scores: str) -> list[onnx.NodeProto]:
    """A tail that is written down for one picture."""
    shape = numpy_helper.from_array(np.array([1, 5, HEIGHT // 4, WIDTH // 4], np.int64))
    return [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", [scores, "shape"], ["out"]),
    ]


def test_one_picture_that_differs_is_not_lost_among_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LastIsWrong(AsWritten):
        """Turns a part of the last of many pictures round."""

        def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
            logits = super().infer(tensor)
            if len(logits) == COUNT:
                logits[-1, :, :2] *= -1
            return logits

    path = tmp_path / "theirs.onnx"
    onnx.save_model(network(shape=("N", 3, HEIGHT, WIDTH)), path)
    several = model_spec(description()).with_batch(COUNT)
    with monkeypatch.context() as patched:
        patched.setattr("edgeseg_export.batches._engines", lambda file, *_: [LastIsWrong(file)])
        with pytest.raises(ExportError, match="other masks than each alone"):
            import_onnx(path, several, tmp_path / "many")
    import_onnx(path, several, tmp_path / "many")


@pytest.mark.parametrize(
    ("tail", "said"),
    [(mixing, "pictures at once give other masks than each alone"), (tied, "fails with 2 pictures at once")],
)
def test_a_network_that_is_tied_to_one_picture_is_refused(
    tail: Callable[[str], list[onnx.NodeProto]], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.onnx"
    onnx.save_model(network(tail, shape=("N", 3, HEIGHT, WIDTH), out=TensorProto.FLOAT), path)
    import_onnx(path, model_spec(description()), tmp_path / "one")
    with pytest.raises(ExportError, match=said):
        import_onnx(path, model_spec(description()).with_batch(4), tmp_path / "many")
    assert not (tmp_path / "many").exists()


def test_how_many_is_written() -> None:
    assert [parse_batch(text) for text in (None, "1", "8", "dynamic")] == [1, 1, 8, ANY]
    for text in ("0", "-1", "257", "many", "1.5", ""):
        with pytest.raises(UsageError, match="--batch is"):
            parse_batch(text)


def test_the_spec_says_it(spec: Spec) -> None:
    assert Spec.from_json(replace(spec, batch=3).to_json()).batch == 3
