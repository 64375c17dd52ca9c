"""CUDA graphs by the driver's own functions: pycuda has none. What a stream was given is recorded once and replayed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from edgeseg.errors import EngineError

LIBRARY = "libcuda.so.1"
SWITCHED_OFF = "graphs are switched off"
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
        refused: Exception | None = None
        try:
            enqueue()
        except Exception as error:  # pycuda's or ours: whatever is not allowed in a capture
            refused = error
        finally:  # a capture that is left open would block the stream for ever
            ended = self._library.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        if refused is not None or ended or not graph.value:
            why = refused or f"cuStreamEndCapture gives {ended}"
            raise EngineError(f"the driver cannot capture this network: {why}") from refused
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


class Repeated:
    """Work for a stream that is done again and again: call by call at first, from the second time on as one graph.

    TensorRT, and the kernels' loader, allocate when they run for the first time, which no graph can hold.

    Attributes:
        without_graph: why it stays call by call; None if it does not.
    """

    def __init__(self, stream: int, enqueue: Callable[[], None], graphs: bool) -> None:
        """Work that `enqueue` puts on `stream`, a driver's handle; `graphs` is whether to try."""
        self.without_graph = None if graphs else SWITCHED_OFF
        self._stream = stream
        self._enqueue = enqueue
        self._ran = False
        self._graph: CudaGraph | None = None

    def launch(self) -> None:
        """Enqueues it."""
        if self._ran and self._graph is None and self.without_graph is None:
            try:
                self._graph = CudaGraph(self._stream, self._enqueue)
            except EngineError as error:
                self.without_graph = str(error)
        if self._graph is None:
            self._enqueue()
        else:
            self._graph.launch()
        self._ran = True

    def close(self) -> None:
        """Frees the graph."""
        if self._graph is not None:
            self._graph.close()


def _load() -> Any:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise EngineError(f"there is no {LIBRARY} ({error}); install NVIDIA's driver") from error
