"""The arg-max kernels on the card against the processor's, bit for bit, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.engines.tensorrt.mask import MaskGeometry, MaskKernels, MaskOnCard
from edgeseg.errors import FrameError
from edgeseg.spec import Rect

CASES = 60

class Case(NamedTuple):
    """Logits (1, C, h, w), float32, and the mask that is wanted of them."""

    logits: NDArray[np.float32]
    geometry: MaskGeometry


class OnCard:
    """Logits on the card with what makes their mask there; the card's context must be current."""

    def __init__(self, cuda: Any, loaded: MaskKernels, case: Case) -> None:
        """Sends the logits up."""
        self._stream = cuda.Stream()
        self._memory = cuda.mem_alloc(case.logits.nbytes)
        host = cuda.pagelocked_empty(case.logits.shape, np.float32)
        host[...] = case.logits
        cuda.memcpy_htod_async(self._memory, host, self._stream)
        self._mask = MaskOnCard(cuda, loaded, self._stream, int(self._memory), case.logits.shape, case.geometry)
        self._stream.synchronize()

    def mask(self) -> NDArray[np.uint8]:
        """The mask, brought down."""
        self._mask.enqueue(self._stream)
        self._stream.synchronize()
        return self._mask.read()

    def milliseconds(self, launches: int) -> float:
        """Time of one mask when so many follow each other: kernels and the way down."""
        start = time.perf_counter()
        for _ in range(launches):
            self._mask.enqueue(self._stream)
        self._stream.synchronize()
        return 1e3 * (time.perf_counter() - start) / launches

    def close(self) -> None:
        """Frees the memory on the card."""
        self._mask.close()
        self._memory.free()


def cases(count: int) -> Iterator[Case]:
    """Random logits of all shapes; every other case ties often, as quantised logits do."""
    random = np.random.default_rng(11)
    for number in range(count):
        classes = 255 if number % 20 == 0 else int(random.integers(1, 21))
        height, width = (int(side) for side in random.integers(1, 24, 2))
        logits = random.normal(size=(1, classes, height, width)).astype(np.float32)
        if number % 2:
            logits = np.round(2 * logits)
        rect = Rect(0.0, 0.0, width, height)
        if number % 3 == 0:
            rect = Rect(0.25, 0.5, max(0.5, width - 0.3), max(0.5, height - 0.7))
        yield Case(logits, MaskGeometry(int(random.integers(1, 160)), int(random.integers(1, 120)), rect))


def compare(cuda: Any, loaded: MaskKernels) -> dict[str, Any]:
    """Pixels whose class differs from the processor's, over `cases` and one with a NaN; there should be none."""
    pixels = different = 0
    for case in cases(CASES):
        on_card = OnCard(cuda, loaded, case)
        geometry = case.geometry
        expected = kernels.argmax(case.logits, geometry.width, geometry.height, rect=geometry.rect)
        different += int((on_card.mask() != expected).sum())
        pixels += expected.size
        on_card.close()
    return {"cases": CASES, "pixels": pixels, "different": different, "notices_nan": _notices_nan(cuda, loaded)}


def _notices_nan(cuda: Any, loaded: MaskKernels) -> bool:
    logits = np.zeros((1, 3, 5, 7), np.float32)
    logits[0, 1, 4, 6] = np.nan
    on_card = OnCard(cuda, loaded, Case(logits, MaskGeometry(40, 30, Rect(0.0, 0.0, 7.0, 5.0))))
    try:
        on_card.mask()
    except FrameError:
        return True
    finally:
        on_card.close()
    return False
