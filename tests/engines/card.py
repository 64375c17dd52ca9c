"""A card that is not there, but computes: pycuda and the driver's graphs as the engine uses them.

A plan holds the ONNX file it was built from, and ONNX Runtime runs it. As in the real ones, calls on a stream only
queue work, which is done at synchronisation: until then the host's buffers hold garbage, and what was queued reads its
sources when it runs. An address that was never allocated, a context that is not current, a buffer of another size, or
a kernel that writes beyond its memory is an error. Kernels are mask.cu's own, compiled as C++ (launch.cpp). TensorRT is
in tensorrt_stand_in.py; test_tensorrt_stand_in.py compares its names and signatures with the real TensorRT-RTX's.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.engines.tensorrt_stand_in import tensorrt

GARBAGE = 0xA5
GUARD = 64
"""Bytes behind each allocation, which nothing may change."""

CUBIN = b"\x7fELF: the mask kernels"
"""What the compiler of the tests makes, and the only thing that the card loads."""

TYPES: dict[str, Any] = {"P": ctypes.c_void_p, "i": ctypes.c_int, "d": ctypes.c_double}
"""Of a kernel's arguments, by the letters that pycuda's `prepare` takes."""

Work = Callable[[], None]


class Error(Exception):
    """pycuda.driver.Error."""


class LogicError(Error):
    """The driver was called wrongly."""


class OutOfMemoryError(Error):
    """pycuda.driver.MemoryError."""


class Card:
    """The state of the machine, and what tests count and break."""

    def __init__(self, library: ctypes.CDLL | None = None) -> None:
        """`library` has the kernels; a card that launches none may do without."""
        self.library = library
        self.memory: dict[int, NDArray[np.uint8]] = {}
        self.room = 1 << 30
        self.streams: dict[int, Stream] = {}
        self.graphs: dict[int, tuple[Stream, list[Work]]] = {}
        self.current = threading.local()
        self.builds = self.launches = self.enqueued = self.down = 0
        self.lost = False
        self.capturable = True
        self.capability = (8, 9)
        self.cards = 1
        self.jit = b"kernels"
        self.jit_read: list[bytes] = []
        self._next = 1 << 20
        self.cuda = pycuda_driver(self)
        self.trt = tensorrt(self)

    def handle(self, size: int = 0) -> int:
        handle, self._next = self._next, self._next + ((size >> 16) + 2 << 16)
        return handle

    def check_current(self) -> None:
        if not getattr(self.current, "depth", 0):
            raise LogicError("invalid device context")
        if self.lost:
            raise LogicError("an illegal memory access was encountered")

    def at(self, address: int, size: int) -> NDArray[np.uint8]:
        if address not in self.memory or len(self.memory[address]) != size + GUARD:
            raise LogicError(f"invalid argument: {size} bytes at {address:#x}")
        return self.memory[address][:size]

    def pointer(self, address: int) -> int:
        """Where an address within an allocation really lies."""
        for start, memory in self.memory.items():
            if start <= address < start + len(memory) - GUARD:
                return int(memory.ctypes.data) + address - start
        raise LogicError(f"an illegal memory access was encountered: {address:#x}")

    def check_guards(self) -> None:
        if any((memory[-GUARD:] != GARBAGE).any() for memory in list(self.memory.values())):
            raise LogicError("an illegal memory access was encountered: beyond the end")


class Stream:
    """pycuda.driver.Stream: a queue."""

    def __init__(self, card: Card) -> None:
        card.check_current()
        self.card = card
        self.handle = card.handle()
        self.pending: list[Work] = []
        self.captured: list[Work] | None = None
        card.streams[self.handle] = self

    def add(self, work: Work) -> None:
        self.card.check_current()
        (self.pending if self.captured is None else self.captured).append(work)

    def synchronize(self) -> None:
        self.card.check_current()
        if self.captured is not None:
            raise LogicError("operation not permitted when stream is capturing")
        pending, self.pending = self.pending, []
        for work in pending:
            work()


class Allocation:
    """pycuda.driver.DeviceAllocation."""

    def __init__(self, card: Card, size: int) -> None:
        card.check_current()
        if size > card.room:
            raise OutOfMemoryError("cuMemAlloc failed: out of memory")
        self.card, self.address = card, card.handle(size)
        card.memory[self.address] = np.full(size + GUARD, GARBAGE, np.uint8)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        self.card.check_current()
        del self.card.memory[self.address]


class Function:
    """pycuda.driver.Function: a kernel."""

    def __init__(self, card: Card, name: str) -> None:
        self._card, self._name = card, name
        self._types: list[Any] = []

    def prepare(self, arg_types: str) -> Function:
        self._types = [TYPES[letter] for letter in arg_types]
        return self

    def prepared_async_call(
        self, grid: tuple[int, int], block: tuple[int, int, int], stream: Stream, *args: int | float
    ) -> None:
        assert len(args) == len(self._types)
        assert block[0] * block[1] * block[2] <= 1024

        def work() -> None:
            assert self._card.library is not None
            real = [
                kind(self._card.pointer(int(value)) if kind is ctypes.c_void_p else value)
                for kind, value in zip(self._types, args, strict=True)
            ]
            places = (ctypes.c_void_p * len(real))(*(ctypes.addressof(each) for each in real))
            if self._card.library.launch(self._name.encode(), *grid, *block[:2], places, len(real)):
                raise LogicError(f"invalid arguments for {self._name}")
            self._card.check_guards()

        stream.add(work)


def pycuda_driver(card: Card) -> ModuleType:
    """The module pycuda.driver."""

    class PrimaryContext:
        def push(self) -> None:
            card.current.depth = getattr(card.current, "depth", 0) + 1

        def pop(self) -> None:
            card.current.depth -= 1

        def detach(self) -> None:
            pass

    class Device:
        def __init__(self, index: int) -> None:
            if index >= card.cards:
                raise LogicError("cuDeviceGet failed: invalid device ordinal")

        def retain_primary_context(self) -> PrimaryContext:
            return PrimaryContext()

        def name(self) -> str:
            return "a card that is not there"

        def total_memory(self) -> int:
            return card.room

        def compute_capability(self) -> tuple[int, int]:
            return card.capability

    def pagelocked_empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        memory = np.empty(shape, dtype)
        memory.view(np.uint8)[...] = GARBAGE
        return memory

    def memcpy_htod_async(dest: Allocation, src: NDArray[Any], stream: Stream) -> None:
        stream.add(lambda: np.copyto(card.at(int(dest), src.nbytes), src.reshape(-1).view(np.uint8)))

    def memcpy_dtoh_async(dest: NDArray[Any], src: Allocation, stream: Stream) -> None:
        dest.reshape(-1).view(np.uint8)[...] = GARBAGE  # whatever it held cannot be relied upon from here

        def work() -> None:
            np.copyto(dest.reshape(-1).view(np.uint8), card.at(int(src), dest.nbytes))
            card.down += dest.nbytes

        stream.add(work)

    def memset_d32_async(dest: int, data: int, size: int, stream: Stream) -> None:
        def work() -> None:
            ctypes.memset(card.pointer(dest), data, 4 * size)

        assert data == 0
        stream.add(work)

    def module_from_buffer(buffer: bytes) -> ModuleType:
        card.check_current()
        if buffer != CUBIN:
            raise LogicError("cuModuleLoadDataEx failed: device kernel image is invalid")
        loaded = ModuleType("cubin")
        vars(loaded)["get_function"] = lambda name: Function(card, name)
        return loaded

    def init() -> None:
        if not card.cards:
            raise LogicError("cuInit failed: no CUDA-capable device is detected")

    module = ModuleType("pycuda.driver")
    vars(module).update(
        init=init,
        get_driver_version=lambda: 13000,
        get_version=lambda: (12, 6, 0),
        Device=Device,
        Stream=lambda: Stream(card),
        mem_alloc=lambda size: Allocation(card, size),
        pagelocked_empty=pagelocked_empty,
        memcpy_htod_async=memcpy_htod_async,
        memcpy_dtoh_async=memcpy_dtoh_async,
        memset_d32_async=memset_d32_async,
        module_from_buffer=module_from_buffer,
        Error=Error,
        MemoryError=OutOfMemoryError,
    )
    return module


class Driver:
    """libcuda's graph functions, called as ctypes calls them; they return the driver's error codes."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> int:  # noqa: N802
        assert mode == 1
        if not self._card.capturable:
            return 900
        self._card.streams[stream.value].captured = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:  # noqa: N802
        origin = self._card.streams[stream.value]
        assert origin.captured is not None
        graph._obj.value = self._card.handle()
        self._card.graphs[graph._obj.value] = origin, origin.captured
        origin.captured = None
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, flags: Any) -> int:  # noqa: N802
        assert flags.value == 0
        executable._obj.value = self._card.handle()
        self._card.graphs[executable._obj.value] = self._card.graphs[graph.value]
        return 0

    def cuGraphLaunch(self, executable: Any, stream: Any) -> int:  # noqa: N802
        recorded, work = self._card.graphs[executable.value]
        assert recorded.handle == stream.value
        self._card.launches += 1
        for each in work:
            recorded.add(each)
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:  # noqa: N802
        del self._card.graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy  # noqa: N815
