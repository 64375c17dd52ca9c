"""The messages of the KServe v2 protocol, as far as a frame and its mask need them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2

_NO_ENTRY = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)

REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, *_NO_ENTRY)
"""What another server would say too."""

Request = Any
"""A ModelInferRequest; protobuf's classes have no types that a checker knows."""

Answer = Any
"""A ModelInferResponse."""


def make_request(model: str, name: str, shape: Sequence[int], content: bytes, outputs: Sequence[str]) -> Request:
    """A request with one tensor of UINT8.

    Args:
        model: its name on the server.
        name: of the tensor.
        shape: of the tensor.
        content: of the tensor, row by row.
        outputs: names of those that are wanted.
    """
    request = service_pb2.ModelInferRequest(model_name=model, raw_input_contents=[content])
    request.inputs.add(name=name, datatype="UINT8", shape=shape)
    for output in outputs:
        request.outputs.add(name=output)
    return request


def read_outputs(answer: Answer) -> dict[str, NDArray[np.uint8]]:
    """The outputs of an answer that are tensors of UINT8, by name; they cannot be written to."""
    outputs = {}
    for output, content in zip(answer.outputs, answer.raw_output_contents, strict=False):
        shape = tuple(output.shape)
        if output.datatype == "UINT8" and min(shape, default=0) >= 0 and math.prod(shape) == len(content):
            outputs[output.name] = np.frombuffer(content, np.uint8).reshape(shape)
    return outputs


def reason_of(error: grpc.RpcError) -> str:
    """What went wrong, as the end of a sentence."""
    code = error.code()
    words = " ".join(str(error.details()).split())[:400]
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "does not answer in time"
    if code is grpc.StatusCode.UNAVAILABLE and "failed to connect" in words:
        return _reason_of_connecting(words)
    if code is grpc.StatusCode.UNAVAILABLE and "resolving" in words:
        return "cannot be found by its name"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "speaks gRPC, but not the KServe v2 protocol"
    if code in _NO_ENTRY:
        return f"does not let this device in ({words or code.name}); give --server-token the one that it asks for"
    return f"refuses: {words}" if code in REFUSALS else f"fails: {words or code.name}"


def _reason_of_connecting(words: str) -> str:
    """What went wrong before a server was reached, by what gRPC and its OpenSSL say."""
    if "CERTIFICATE_VERIFY_FAILED" in words:
        why = words.partition("CERTIFICATE_VERIFY_FAILED: ")[2].removesuffix(": OK")
        return f"shows a certificate that cannot be trusted ({why}); give --server-ca those of who signed it"
    if "Hostname Verification" in words:
        return "shows a certificate for another name; use the name that is in it"
    if "WRONG_VERSION_NUMBER" in words:
        return "speaks without TLS; leave grpcs:// out, or give the port that has it"
    if "HTTP/2" in words:  # the port beside it, 8000, is one of HTTP/1
        return "does not speak gRPC there; give the port that does, Triton's own is 8001"
    if words.endswith("Socket closed"):
        return "hangs up, as one does that wants TLS (grpcs://), or a certificate of this device"
    return f"cannot be reached ({words.rpartition(': ')[2]})"
