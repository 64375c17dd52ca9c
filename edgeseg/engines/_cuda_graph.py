"""CUDA graphs by the driver's own functions: pycuda has none. What a stream was given is recorded once and replayed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from edgeseg.errors import EngineError

LIBRARY = "libcuda.so.1"
_THREAD_LOCAL = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do with the device meanwhile is no matter."""


class CudaGraph:
    """The work that was enqueued on a stream, to be launched again with one call.

    It fixes addresses and shapes; the context that was current must be so at each launch and at `close`.
    """

    def __init__(self, stream: int, enqueue: Callable[[], None], library: Any = None) -> None:
        """Records what `enqueue` puts on `stream`, a driver's handle; none of it runs.

        Raises:
            EngineError: the driver cannot capture it; the stream is then usable as before.
        """
        self._library = _load() if library is None else library
        self._stream = ctypes.c_void_p(stream)
        self._executable = ctypes.c_void_p()
        graph = ctypes.c_void_p()
        self._call("cuStreamBeginCapture_v2", self._stream, _THREAD_LOCAL)
        try:
            enqueue()
        finally:  # a capture that is left open would block the stream for ever
            ended = self._library.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        if ended or not graph.value:
            raise EngineError(f"the driver cannot capture this network: cuStreamEndCapture gives {ended}")
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(self._executable), graph, ctypes.c_ulonglong(0))
        finally:
            self._library.cuGraphDestroy(graph)

    def launch(self) -> None:
        """Enqueues the recorded work on its stream.

        Raises:
            EngineError: the driver refuses.
        """
        self._call("cuGraphLaunch", self._executable, self._stream)

    def close(self) -> None:
        """Frees the graph; closing twice is no error."""
        if self._executable.value:
            self._library.cuGraphExecDestroy(self._executable)
            self._executable = ctypes.c_void_p()

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise EngineError(f"the driver cannot run this network as a graph: {name} gives {code}")


def _load() -> Any:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise EngineError(f"there is no {LIBRARY} ({error}); install NVIDIA's driver") from error
