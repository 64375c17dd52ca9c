"""A KServe v2 server that is not Triton, whose answers a test chooses: another writer of the same protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import cv2
import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from edgeseg.bundle import Bundle
from edgeseg.segmenter import load
from edgeseg.triton.contract import identity


class FaultyServer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Serves a bundle on 127.0.0.1.

    Attributes:
        address: "127.0.0.1:PORT".
        requests: that came.
        network: what it says to have run.
        fault: called with each request's context, before it is answered: it may abort, or wait.
        change: called with the name and array of each output: what it returns is sent in its place.
    """

    def __init__(self, bundle: Bundle, credentials: grpc.ServerCredentials | None = None) -> None:
        self.requests = 0
        self.network = identity(bundle.spec, bundle.artifacts[0])
        self.fault: Callable[[Any], object] = _nothing
        self.change: Callable[[str, Any], Any] = _as_it_is
        self.stopped = threading.Event()
        self._model = load(bundle, threads=1)
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        place = "127.0.0.1:0"
        port = (
            self._server.add_secure_port(place, credentials)
            if credentials is not None
            else self._server.add_insecure_port(place)
        )
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The one call."""
        self.requests += 1
        self.fault(context)
        (tensor,), (content,) = request.inputs, request.raw_input_contents
        batched = self._model.spec.batch > 1
        array = np.frombuffer(content, np.uint8).reshape(tensor.shape[batched:])
        frame = array if tensor.name == "frame" else np.asarray(cv2.imdecode(array, cv2.IMREAD_COLOR), np.uint8)
        mask = self._model(frame)
        made = {"mask": mask, "network": np.frombuffer(self.network, np.uint8)}
        made["mask_png"] = cv2.imencode(".png", mask.reshape(-1, mask.shape[-1]))[1].ravel()
        answer = service_pb2.ModelInferResponse(model_name=request.model_name)
        for output in request.outputs:
            changed = self.change(output.name, made[output.name])
            changed = changed[np.newaxis] if batched else changed
            answer.outputs.add(name=output.name, datatype="UINT8", shape=changed.shape)
            answer.raw_output_contents.append(changed.tobytes())
        return answer

    def stop(self) -> None:
        """Ends it at once."""
        self.stopped.set()
        self._server.stop(None).wait(10)


def _nothing(_context: Any) -> None:
    pass


def _as_it_is(_name: str, array: Any) -> Any:
    return array
