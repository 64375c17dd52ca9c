"""The mask on the card: the kernels of cuda/mask.cu, compiled for it at the first use and launched behind the network.

nvcc compiles them: where pycuda could be installed it is there, as pycuda itself is compiled with the CUDA toolkit.
The result is the card's own machine code and is kept. The C++ sources lie beside the native module, which was compiled
from the same header.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeseg import _native
from edgeseg.cache import cache_folder, keep, recall, tell
from edgeseg.errors import EngineError, FrameError
from edgeseg.spec import Rect

SOURCES = Path(_native.__file__).parent / "engines" / "tensorrt" / "cuda"
"""mask.cu and its header, where CMake installed them."""

OPTIONS = ("-std=c++17", "-fmad=false", "-cubin")
"""Without fused multiply-add, masks are the processor's bit for bit."""

NVCC = "/usr/local/cuda/bin/nvcc"
"""Where toolkits lie, JetPack's too, when no path leads to them."""

PATIENCE = 300.0
"""Seconds that nvcc may take."""

_SAMPLE = 12
"""Bytes of edgeseg::Sample: one int, two floats."""

_FLAG = 16
"""Bytes before the mask that come down with it: an int that tells of NaN or infinity, and the rest of a line."""

_LINE, _TILE = (256, 1, 1), (32, 8, 1)
"""Threads of a block, for arrays and for pictures."""


_FLOAT = 4
"""Bytes of a logit."""


class MaskGeometry(NamedTuple):
    """A mask's size in pixels, and the part of the logits that it covers; whether labels overlap, with a mask each."""

    width: int
    height: int
    rect: Rect
    overlap: bool = False


class MaskKernels:
    """The kernels, loaded; the card's context must be current."""

    def __init__(self, cuda: Any, capability: str) -> None:
        """Takes them from where they were kept, or compiles them for `capability`, "8.7".

        Raises:
            EngineError: there is no compiler, it fails, or the card refuses what it made.
        """
        cubin = compiled(capability)
        try:
            self._module = cuda.module_from_buffer(cubin)
        except cuda.Error as error:
            raise EngineError(f"the card refuses what nvcc compiled ({error}); is it newer than the driver?") from error
        self._axis = self._module.get_function("edgeseg_axis").prepare("Piddi")
        self._winners = self._module.get_function("edgeseg_winners").prepare("PiiiPP")
        self._mask = self._module.get_function("edgeseg_mask").prepare("PiiiPPPiiP")

    def axis(self, stream: Any, samples: int, count: int, origin: float, extent: float, size: int) -> None:
        """Where `count` pixels that cover [origin, origin + extent) read an axis of `size` logits."""
        grid = -(-count // _LINE[0]), 1
        self._axis.prepared_async_call(grid, _LINE, stream, samples, count, origin, extent, size)

    def winners(self, stream: Any, logits: int, shape: tuple[int, int, int], winners: int, broken: int) -> None:
        """The class of every logit; the int at `broken` becomes 1 where one is NaN or infinite."""
        grid = -(-shape[1] * shape[2] // _LINE[0]), 1
        self._winners.prepared_async_call(grid, _LINE, stream, logits, *shape, winners, broken)

    def mask(
        self,
        stream: Any,
        logits: int,
        shape: tuple[int, int, int],
        winners: int,
        axes: tuple[int, int],
        size: tuple[int, int],
        mask: int,
    ) -> None:
        """The class of every pixel; `axes` are those of columns and rows, `size` is height and width."""
        grid = -(-size[1] // _TILE[0]), -(-size[0] // _TILE[1])
        self._mask.prepared_async_call(grid, _TILE, stream, logits, *shape, winners, *axes, *size, mask)


class MaskOnCard:
    """Memory and launches for masks of one size, of logits that lie at one place on the card."""

    def __init__(
        self, cuda: Any, kernels: MaskKernels, stream: Any, logits: int, shape: tuple[int, ...], geometry: MaskGeometry
    ) -> None:
        """Allocates it, and enqueues what depends on the size alone.

        Args:
            cuda: the module pycuda.driver.
            kernels: loaded.
            stream: where the logits are computed.
            logits: their address, float32.
            shape: of the logits, (1, C, h, w).
            geometry: of the mask.
        """
        self._cuda, self._kernels, self._logits = cuda, kernels, logits
        width, height, rect, overlap = geometry
        self._masks = (shape[1], height, width) if overlap else (height, width)
        # Each label that may overlap is a network of one class, whose plane is cut at 0.
        self._count = shape[1] if overlap else 1
        self._shape = (shape[1] // self._count, shape[2], shape[3])
        sizes = [_SAMPLE * width, _SAMPLE * height, shape[2] * shape[3], _FLAG + math.prod(self._masks)]
        self._memory = [cuda.mem_alloc(size) for size in sizes]
        self._columns, self._rows, self._winners, self._answer = map(int, self._memory)
        self._host = cuda.pagelocked_empty(sizes[-1], np.uint8)
        kernels.axis(stream, self._columns, width, rect.x, rect.width, shape[3])
        kernels.axis(stream, self._rows, height, rect.y, rect.height, shape[2])

    def enqueue(self, stream: Any) -> None:
        """The mask of the logits that are there by then, and its way to the host."""
        height, width = self._masks[-2:]
        axes = self._columns, self._rows
        self._cuda.memset_d32_async(self._answer, 0, 1, stream)
        for label in range(self._count):
            logits = self._logits + label * _FLOAT * math.prod(self._shape)
            mask = self._answer + _FLAG + label * height * width
            self._kernels.winners(stream, logits, self._shape, self._winners, self._answer)
            self._kernels.mask(stream, logits, self._shape, self._winners, axes, (height, width), mask)
        self._cuda.memcpy_dtoh_async(self._host, self._memory[-1], stream)

    def read(self) -> NDArray[np.uint8]:
        """The mask, once the stream is synchronised; the caller owns it.

        Raises:
            FrameError: a logit is NaN or infinite.
        """
        if self._host[:4].any():
            raise FrameError(
                "logits hold NaN or infinity; the network or its input is broken, so there is no class to show"
            )
        mask: NDArray[np.uint8] = self._host[_FLAG:].reshape(self._masks).copy()
        return mask

    def close(self) -> None:
        """Frees the memory on the card."""
        for memory in self._memory:
            memory.free()


def compiled(capability: str) -> bytes:
    """The kernels as machine code (cubin) for cards of that compute capability.

    Raises:
        EngineError: there is no nvcc, or it fails.
    """
    content = b"".join(path.read_bytes() for path in sorted(SOURCES.rglob("*.*")) if path.is_file())
    sources = hashlib.sha256(content + repr(OPTIONS).encode()).hexdigest()
    file = cache_folder() / f"mask.{sources[:16]}.sm{capability}.cubin"
    machine_code = recall(file)
    if machine_code is not None:
        return machine_code
    nvcc = shutil.which("nvcc") or shutil.which(NVCC)
    if nvcc is None:
        raise EngineError(f"there is no nvcc on the path nor at {NVCC}; install the CUDA toolkit")
    tell(f"compiling the mask kernels for compute capability {capability}, once")
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "mask.cubin"
        command = [nvcc, *OPTIONS, f"-arch=sm_{capability.replace('.', '')}", "-I", str(SOURCES), "-o", str(cubin)]
        try:
            result = subprocess.run(
                [*command, str(SOURCES / "mask.cu")], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"{nvcc} does not run ({error}); install the CUDA toolkit again") from error
        if result.returncode != 0 or not cubin.is_file():
            reason = (result.stderr.strip().splitlines() or ["it says nothing"])[0]
            raise EngineError(
                f"{nvcc} cannot compile the mask kernels: {reason:.200}; does it go with the compiler g++?"
            )
        content = cubin.read_bytes()
    keep(file, content)
    return content
