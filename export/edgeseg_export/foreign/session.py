"""Somebody else's network in ONNX Runtime."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgeseg.engines import first_line
from edgeseg.errors import ExportError
from edgeseg.ort import ort
from edgeseg_export.foreign.model_spec import Preparation
from edgeseg_export.foreign.picture_input import channels_last, fixed_batch
from edgeseg_export.graph import exposing

UNREADABLE = ("bfloat16", "float8", "float4", "int4")
"""Kinds of numbers that NumPy lacks, so that ONNX Runtime cannot give them out."""


class Session:
    """Runs a network, as it came, on what `Preparation` computes in NumPy."""

    def __init__(
        self,
        model: onnx.ModelProto,
        picture: onnx.ValueInfoProto,
        preparation: Preparation,
        names: list[str],
        where: str,
        advice: str = "is that the network's size?",
    ) -> None:
        """Opens it, so that its inner tensors can be asked for too.

        Args:
            model: of `load_foreign`.
            picture: its input, of `frame_input`.
            preparation: of frames.
            names: of the tensors to compute.
            where: its file, for messages.
            advice: what to do where it fails on a frame.

        Raises:
            ExportError: ONNX Runtime refuses it, or gives such a tensor in numbers that NumPy lacks.
        """
        self._names = list(dict.fromkeys(names))
        self._session = _open(model, self._names, where)
        self._input = picture.name
        self._kind = helper.tensor_dtype_to_np_dtype(picture.type.tensor_type.elem_type)
        self._channels_last = channels_last(picture)
        self._batch = fixed_batch(picture)
        self._preparation = preparation
        self._where = where
        self._advice = advice

    def __call__(self, tensor: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The tensors by name, of frames uint8 (1, H, W, 3) in BGR.

        A network of a fixed batch gets other pictures behind the frame, which must not matter; what it gives for the
        frame is taken.

        Raises:
            ExportError: it fails on them.
        """
        prepared = self._preparation(tensor).astype(self._kind)
        if self._channels_last:
            prepared = np.ascontiguousarray(prepared.transpose(0, 2, 3, 1))
        prepared = np.concatenate([prepared, *[np.zeros_like(prepared)] * (self._batch - 1)])
        try:
            found = self._session.run(self._names, {self._input: prepared})
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            size = f"{tensor.shape[2]}x{tensor.shape[1]}"
            reason = f"{self._where} fails on a {size} input ({first_line(error)})"
            raise ExportError(f"{reason}; {self._advice}") from error
        if self._batch > 1:
            found = [tensor[:1] if tensor.shape[:1] == (self._batch,) else tensor for tensor in found]
        return dict(zip(self._names, found, strict=True))


def _open(model: onnx.ModelProto, names: list[str], where: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, and said once
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never its own format
    try:
        content = exposing(model, names).SerializeToString()
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        reason, advice = first_line(error), "export it again"
        missing = re.search(r"implementation for (\w+)\(", reason)
        if any(kind in reason for kind in UNREADABLE):
            advice = "export it in float32"
        elif missing and missing[1] in _in_double(model):
            advice = f"it computes {missing[1]} in double: use model.float(), and no .double() or float64, and {advice}"
        raise ExportError(f"{where} is refused by ONNX Runtime: {reason}; {advice}") from error
    for tensor in session.get_outputs():
        if tensor.name in names and any(kind in tensor.type for kind in UNREADABLE):
            found = f"{where} computes {tensor.name:.80} as {tensor.type}"
            raise ExportError(f"{found}, which cannot be read here; export it in float32")
    return session


def _in_double(model: onnx.ModelProto) -> set[str]:
    """Operators that read double, of which ONNX Runtime has few."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    return {node.op_type for node in graph.node if any(kinds.get(name) == TensorProto.DOUBLE for name in node.input)}
