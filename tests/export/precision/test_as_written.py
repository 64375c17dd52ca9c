"""What an artifact is measured in, and what a bundle says that was quantised where INT8 sums saturate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from edgeseg.bundle import Bundle
from edgeseg.engines.onnxruntime import OnnxRuntime
from edgeseg.errors import EngineError
from edgeseg.models import NETWORKS, build
from edgeseg.models.weights import save_weights
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.as_written import AsWritten, open_to_measure
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.to_onnx import export
from edgeseg_export.verify_stages import stages

TRAINING = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}
INT8, SEVEN, FP32 = "onnxruntime int8", "onnxruntime int8-7bit", "onnxruntime fp32"


@pytest.fixture(params=[False, True], ids=["saturating", "exact"])
def exact(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this processor sums INT8 exactly, whatever it really does."""
    for place in ("edgeseg.candidate", "edgeseg_export.precision.as_written", "edgeseg_export.precision.quantize"):
        monkeypatch.setattr(f"{place}.sums_int8_exactly", lambda: request.param)
    return bool(request.param)


@pytest.fixture
def quantised(exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:  # noqa: ARG001
    """A network with random weights, quantised on such a processor with no option given."""
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    spec = Spec("tiny", 96, 64, "stretch", NETWORKS["unet"].strides[0], ("a", "b"), ((0, 0, 0),) * 2, None, "none")
    save_weights(tmp_path / "w.safetensors", build("unet", 2, 0.2), "unet", 0.2, spec, TRAINING)
    (tmp_path / "images").mkdir()
    for place, frame in enumerate(sample_frames(None)):
        for part, columns in enumerate(np.array_split(frame, 3, axis=1)):
            cv2.imwrite(str(tmp_path / "images" / f"{place}-{part}.png"), columns)
    return quantize(export(tmp_path / "w.safetensors", tmp_path / "tiny"), tmp_path / "images", method="mse").bundle


def test_facts_are_those_of_a_processor_that_sums_exactly(quantised: Bundle, exact: bool) -> None:
    kinds = {str(artifact): artifact for artifact in quantised.artifacts}
    assert (SEVEN in kinds) is not exact
    facts = {name: artifact.measured.facts for name, artifact in kinds.items()}
    del facts[FP32]
    engines = {name: {each[kind]["engine"] for kind in ("agreement", "golden")} for name, each in facts.items()}
    assert engines[INT8] == {"onnxruntime" if exact else AsWritten.name}
    assert engines["tensorrt int8"] == {AsWritten.name}
    if not exact:
        assert engines[SEVEN] == {"onnxruntime"}


def test_the_verification_asks_nothing_that_saturates(
    quantised: Bundle, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg_export.verify_stages.RUNTIMES", {"onnxruntime": ("onnxruntime",), "tensorrt": ()})
    found, left_out, _ = stages(quantised, None)
    by_name = {stage.name: stage for stage in found}
    assert by_name[INT8].timed is exact
    assert by_name[INT8].engine == ("onnxruntime" if exact else AsWritten.name)
    assert (f"{INT8} in onnxruntime" in by_name) is exact
    assert f"{FP32} in onnxruntime" in by_name
    if not exact:
        assert f"{SEVEN} in onnxruntime" in by_name
        (reason,) = left_out
        assert reason.startswith(f"{INT8} in onnxruntime: this processor has no VNNI")


def test_a_foreign_file_is_tried_in_a_child_process_first(
    quantised: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESEG_MODEL_MEMORY", "1")
    for artifact in quantised.artifacts:
        path = quantised.path(artifact)
        with pytest.raises(EngineError, match="needs more than 1 MiB of memory"):
            open_to_measure(artifact.target, artifact.precision, path, quantised.spec)
        open_to_measure(artifact.target, artifact.precision, path, quantised.spec, own=True).close()


@pytest.mark.usefixtures("exact")
def test_a_file_that_no_runtime_takes_is_refused(quantised: Bundle, tmp_path: Path) -> None:
    model = onnx.load(quantised.path(quantised.artifact(target="onnxruntime", precision="int8")))
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "wrong.onnx")
    for target, precision in (("onnxruntime", "int8"), ("tensorrt", "int8")):
        with pytest.raises(EngineError, match="refuses"):
            open_to_measure(target, precision, tmp_path / "wrong.onnx", quantised.spec)


@pytest.mark.parametrize("exact", [False], indirect=True)
@pytest.mark.usefixtures("exact")
def test_seven_bits_fused_are_as_they_are_written(quantised: Bundle) -> None:
    file = quantised.path(quantised.artifact(target="onnxruntime", precision="int8-7bit"))
    fused = open_to_measure("onnxruntime", "int8-7bit", file, quantised.spec)
    assert isinstance(fused, OnnxRuntime)
    frame = sample_frames(None)[0]
    first, second = (Segmenter(quantised.spec, engine)(frame) for engine in (fused, AsWritten(file)))
    assert (first == second).mean() > 0.99
