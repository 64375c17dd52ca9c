"""The network as it came: the yardstick of every conversion from somebody else's ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.errors import ExportError, SpecError
from edgeseg.ort import ort
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.tail import Tail, candidates, find_tail
from edgeseg_export.foreign.wrap import channels_last, frame_input


class Original:
    """The network as it came, run by ONNX Runtime on what `Preparation` computes in NumPy.

    Attributes:
        model: of `load_foreign`.
        taken: what it is said to be.
        where: its file, for messages.
        output: name of its output.
        tail: what follows its logits.
        dtype: of its logits.
    """

    def __init__(self, model: onnx.ModelProto, taken: ModelSpec, where: str) -> None:
        """Runs it once, to find its logits.

        Raises:
            SpecError: the spec does not fit it.
            ExportError: it cannot be run, or ends in what cannot be undone.
        """
        self.model, self.taken, self.where = model, taken, where
        given = frame_input(model, taken, where)
        self._input = given.name
        self._channels_last = channels_last(given)
        self._kind = helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
        self.output = _output(model, taken, where)
        chain = candidates(model, self.output)
        self._names = list(dict.fromkeys([self.output, *(str(node.input[0]) for node in chain)]))
        self._session = self._open()
        tensors = self(np.zeros((1, taken.spec.height, taken.spec.width, 3), np.uint8))
        self.tail: Tail = find_tail(chain, self.output, tensors, taken, where)
        self.dtype = tensors[self.tail.logits].dtype

    def __call__(self, tensor: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The output and the tensors before it that may be the logits, of frames uint8 (1, H, W, 3) in BGR."""
        prepared = self.taken.preparation(tensor).astype(self._kind)
        if self._channels_last:
            prepared = np.ascontiguousarray(prepared.transpose(0, 2, 3, 1))
        try:
            return dict(zip(self._names, self._session.run(self._names, {self._input: prepared}), strict=True))
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            size = f"{tensor.shape[2]}x{tensor.shape[1]}"
            reason = f"{self.where} fails on a {size} input ({first_line(error)})"
            raise ExportError(f"{reason}; is that the network's size?") from error

    def logits(self, tensors: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Of what a call gave, (1, classes, h, w), the spec's channels alone."""
        found: NDArray[np.float32] = tensors[self.tail.logits].astype(np.float32)
        return found if self.taken.channels is None else np.ascontiguousarray(found[:, self.taken.channels])

    def mask(self, tensors: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """Class ids (h, w) of the network's own output, as its users take them."""
        output: NDArray[Any] = tensors[self.output]
        if "ArgMax" in self.tail.names:
            return np.squeeze(output)
        planes = output[0].astype(np.float32)
        channels = tensors[self.tail.logits].shape[1]
        if len(planes) != channels:  # (h, w, C)
            planes = np.moveaxis(planes, -1, 0)
        ids: NDArray[Any] = planes.argmax(0)
        if channels == 1:
            ids = planes[0] > (0.5 if "Sigmoid" in self.tail.names else 0)
        return ids

    def _open(self) -> ort.InferenceSession:
        exposed = onnx.ModelProto()
        exposed.CopyFrom(self.model)
        there = {value.name for value in exposed.graph.output}
        exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._names if name not in there)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.load_model_format", "ONNX")  # never its own format
        try:
            content = exposed.SerializeToString()
            return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            reason = f"{self.where} is refused by ONNX Runtime: {first_line(error)}"
            raise ExportError(f"{reason}; export it again") from error


def _output(model: onnx.ModelProto, taken: ModelSpec, where: str) -> str:
    names: list[str] = [value.name for value in model.graph.output]
    if taken.output is None and len(names) == 1:
        return names[0]
    if taken.output in names and taken.output is not None:
        return taken.output
    listed = ", ".join(names)
    if taken.output is None:
        raise SpecError(f'{where} gives {listed}; say with "output" in the spec which one holds the scores')
    raise SpecError(f"{where} has no output {taken.output!r:.80}; it gives {listed}")


def first_line(error: Exception) -> str:
    """What an exception says, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
