"""Weights in files of their own, beside the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import edgeseg
from edgeseg.errors import ExportError
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import (
    by_hand,
    description,
    network,
    saved,
)


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


def test_more_weights_than_a_file_can_hold_are_refused(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    model = onnx.load(path, load_external_data=False)
    length = next(entry for entry in model.graph.initializer[0].external_data if entry.key == "length")
    length.value = str(2**31)
    onnx.save(model, path)
    with (tmp_path / "weights.bin").open("r+b") as sparse:
        sparse.truncate(4 + 2**31)
    with pytest.raises(ExportError, match="more than 2 GB of weights"):
        import_onnx(path, model_spec(description()), tmp_path / "city")


def test_external_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = external(tmp_path, "other.bin")
    with pytest.raises(ExportError, match="not there"):
        import_onnx(path, model_spec(description()), tmp_path / "city")
    path = external(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    with pytest.raises(ExportError, match="beyond the end"):
        import_onnx(path, model_spec(description()), tmp_path / "city")
