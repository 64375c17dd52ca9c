from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeseg.artifact import Artifact
from edgeseg.errors import BundleError
from edgeseg.onnx_wire import has_external_data
from edgeseg.spec import Spec

MakeModel = Callable[..., onnx.ModelProto]


def external() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external())


def in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=external()))


def in_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [external()])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))


def in_function(model: onnx.ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["c"], value=external())
    model.functions.append(helper.make_function("local", "F", [], ["c"], [constant], []))


def in_sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(values=external())


@pytest.mark.parametrize("put", [in_initializer, in_constant, in_branch, in_function, in_sparse])
def test_weights_in_other_files_are_found(
    tmp_path: Path, spec: Spec, make_model: MakeModel, put: Callable[[onnx.ModelProto], None]
) -> None:
    model = make_model(spec)
    assert not has_external_data(model.SerializeToString())
    put(model)
    content = model.SerializeToString()
    assert has_external_data(content)
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="keeps weights in other files"):
        Artifact.of(path, target="onnxruntime", precision="fp32")


@given(data=st.data())
def test_broken_bytes_are_read_or_refused(spec: Spec, make_model: MakeModel, data: st.DataObject) -> None:
    content = make_model(spec).SerializeToString()
    at = data.draw(st.integers(0, len(content)))
    broken = content[:at] + data.draw(st.binary(max_size=8))
    with contextlib.suppress(ValueError):  # any other exception fails the test
        has_external_data(broken)


def test_other_files_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model, just text")
    with pytest.raises(BundleError, match="is not an ONNX model"):
        Artifact.of(path, target="onnxruntime", precision="fp32")
