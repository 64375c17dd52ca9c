"""What Triton's Python backend loads, in a process of its own for each instance: model.py imports the class from here.

`triton_python_backend_utils` exists in that process alone, and is imported when Triton calls.

Tensors go both ways by DLPack, which knows no version of NumPy. Servers up to 24.10 were built against NumPy 1; with
NumPy 2 their `as_numpy` gives arrays of one value, and what they send of an array is empty, without a word
(triton-inference-server/python_backend#384).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, EngineError
from edgeseg.processor import available_cores
from edgeseg.proof import ask, shortfall
from edgeseg.segmenter import load
from edgeseg.triton.answer import Question, answer
from edgeseg.triton.contract import BUNDLE, ENGINE, PRECISION, identity

_CONSUMED = b"used_dltensor"
_set_name = ctypes.pythonapi.PyCapsule_SetName
_set_name.argtypes = [ctypes.py_object, ctypes.c_char_p]


class TritonPythonModel:
    """The model of masks; Triton calls the three methods, and knows the class by this name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the bundle, and asks it for its golden frames before the first client does.

        Raises:
            EdgeSegError: the bundle was altered, its engine is not there, or it gives other masks here than it should.
        """
        import triton_python_backend_utils

        self._triton = triton_python_backend_utils
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        instances = sum(group["count"] for group in config["instance_group"])
        bundle = Bundle.open(Path(args["model_repository"], args["model_version"], BUNDLE))
        self._model = load(
            bundle,
            engine=parameters[ENGINE],
            precision=parameters.get(PRECISION),
            threads=max(1, available_cores() // instances),
        )
        candidate = self._model.candidate
        assert candidate is not None
        proof = ask(self._model, bundle.golden_frames())
        reason = None if proof is None else shortfall(candidate.artifact, proof)
        if reason is not None:
            raise EngineError(f"{candidate} is not served: {reason}")
        self._network = identity(bundle.spec, candidate.artifact)

    def execute(self, requests: list[Any]) -> list[Any]:
        """A response for each request; what one of them did wrong is its own."""
        questions = [
            Question({tensor.name(): _array(tensor) for tensor in request.inputs()}, request.requested_output_names())
            for request in requests
        ]
        if len(questions) > 1:
            with contextlib.suppress(EdgeSegError):  # said to the one that it is about, below
                return self._answer(questions)
        return [self._respond(question) for question in questions]

    def finalize(self) -> None:
        """Frees the engine."""
        self._model.close()

    def _respond(self, question: Question) -> Any:
        try:
            (response,) = self._answer([question])
        except ValueError as error:  # FrameError and DataError: the client's doing
            return self._refusal(error, self._triton.TritonError.INVALID_ARG)
        except EdgeSegError as error:
            return self._refusal(error, self._triton.TritonError.INTERNAL)
        return response

    def _answer(self, questions: list[Question]) -> list[Any]:
        return [
            self._triton.InferenceResponse([self._tensor(name, array) for name, array in outputs.items()])
            for outputs in answer(self._model, self._network, questions)
        ]

    def _tensor(self, name: str, array: NDArray[np.uint8]) -> Any:
        """Triton's tensor of a C-contiguous array."""
        capsule = array.__dlpack__()
        tensor = self._triton.Tensor.from_dlpack(name, capsule)
        # It names a consumed capsule otherwise than DLPack has it, at which NumPy would print an error for each.
        _set_name(capsule, _CONSUMED)
        return tensor

    def _refusal(self, error: Exception, code: int) -> Any:
        return self._triton.InferenceResponse(error=self._triton.TritonError(str(error), code))


def _array(tensor: Any) -> NDArray[np.uint8]:
    """What a tensor of Triton's holds, which its configuration says is UINT8; it cannot be written to."""
    return cast(NDArray[np.uint8], np.from_dlpack(tensor))
