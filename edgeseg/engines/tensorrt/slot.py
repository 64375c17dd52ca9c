"""A frame in flight on the card: an execution context, a stream, and memory on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.engines.tensorrt.cuda_graph import Repeated
from edgeseg.engines.tensorrt.mask import MaskGeometry, MaskKernels, MaskOnCard
from edgeseg.errors import EngineError

SIZES = 4
"""Sizes of masks that a slot keeps memory for: cameras of that many sizes take turns without a pause."""


class Slot:
    """What one frame in flight needs. The card's context must be current in every call, and one thread calls at a time.

    Attributes:
        shape: of the logits.
    """

    def __init__(
        self,
        engine: Any,
        config: Any,
        names: tuple[str, str],
        shape: tuple[int, ...],
        cuda: Any,
        kernels: MaskKernels | None,
        graphs: bool,
    ) -> None:
        """Allocates it.

        Args:
            engine: TensorRT's.
            config: of the execution context, None where the product has none.
            names: of the frame and the logits.
            shape: of the frame.
            cuda: the module pycuda.driver.
            kernels: that make masks, None if the card cannot.
            graphs: launch repeated work as CUDA graphs, where the driver can.
        """
        self._cuda, self._kernels, self._graphs = cuda, kernels, graphs
        self._context = engine.create_execution_context() if config is None else engine.create_execution_context(config)
        if self._context is None:
            raise EngineError("TensorRT gives no execution context; has the card enough free memory?")
        frame, logits = names
        if not self._context.set_input_shape(frame, shape):
            raise EngineError(f"the plan does not take frames {shape}; compile the bundle again")
        self.shape = tuple(self._context.get_tensor_shape(logits))
        self._stream = cuda.Stream()
        self._frame = cuda.pagelocked_empty(shape, np.uint8)
        self._logits = cuda.pagelocked_empty(self.shape, np.float32)
        self._on_card = [cuda.mem_alloc(memory.nbytes) for memory in (self._frame, self._logits)]
        for name, memory in zip(names, self._on_card, strict=True):
            if not self._context.set_tensor_address(name, int(memory)):
                raise EngineError(f"TensorRT refuses the memory for {name}; compile the bundle again")
        self._to_logits = Repeated(self._stream.handle, self._enqueue_logits, graphs)
        self._to_masks: dict[MaskGeometry, tuple[MaskOnCard, Repeated]] = {}

    @property
    def without_graph(self) -> str | None:
        """Why some work is not launched as a graph; None if all is."""
        works = [self._to_logits, *(work for _, work in self._to_masks.values())]
        return next((work.without_graph for work in works if work.without_graph is not None), None)

    def logits(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of a frame; returns when they are there."""
        self._frame[...] = tensor
        self._to_logits.launch()
        self._stream.synchronize()
        logits: NDArray[np.float32] = self._logits.copy()
        return logits

    def mask(self, tensor: NDArray[np.uint8], geometry: MaskGeometry) -> NDArray[np.uint8]:
        """The mask of a frame; returns when it is there, the only thing that came down.

        Raises:
            FrameError: a logit is NaN or infinite.
        """
        if geometry not in self._to_masks:
            self._add(geometry)
        mask, work = self._to_masks[geometry]
        self._frame[...] = tensor
        work.launch()
        self._stream.synchronize()
        return mask.read()

    def close(self) -> None:
        """Frees the memory on both sides: streams and pinned memory go when they are forgotten."""
        while self._to_masks:
            self._forget(next(iter(self._to_masks)))
        self._to_logits.close()
        for memory in self._on_card:
            memory.free()
        self._context = self._stream = self._frame = self._logits = None

    def _add(self, geometry: MaskGeometry) -> None:
        """Memory for masks of one more size, in place of the oldest if there are many."""
        assert self._kernels is not None
        if len(self._to_masks) == SIZES:
            self._forget(next(iter(self._to_masks)))
        mask = MaskOnCard(self._cuda, self._kernels, self._stream, int(self._on_card[1]), self.shape, geometry)

        def enqueue() -> None:
            self._enqueue_network()
            mask.enqueue(self._stream)

        graphs = self._graphs and self.without_graph is None
        self._to_masks[geometry] = mask, Repeated(self._stream.handle, enqueue, graphs)

    def _forget(self, geometry: MaskGeometry) -> None:
        mask, work = self._to_masks.pop(geometry)
        work.close()
        mask.close()

    def _enqueue_network(self) -> None:
        self._cuda.memcpy_htod_async(self._on_card[0], self._frame, self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise EngineError("TensorRT refuses to run the plan; compile the bundle again")

    def _enqueue_logits(self) -> None:
        self._enqueue_network()
        self._cuda.memcpy_dtoh_async(self._logits, self._on_card[1], self._stream)
