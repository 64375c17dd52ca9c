"""Proof that a graph takes other input sizes: what no engine has run at is not called dynamic."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.candidate import CPU_RUNTIMES
from edgeseg.engines import open_engine
from edgeseg.errors import EdgeSegError, ExportError
from edgeseg.spec import Spec
from edgeseg_export.closeness import Closeness

STEP = 32
"""Pixels; sizes are multiples of it, which every encoder can halve five times."""


def other_sizes(spec: Spec) -> list[tuple[int, int]]:
    """Three sizes (width, height) besides the spec's own: a smaller one, a larger one, and one of another aspect."""
    smaller = _rounded(0.7 * spec.width), _rounded(0.7 * spec.height)
    larger = _rounded(1.4 * spec.width), _rounded(1.4 * spec.height)
    aspect = _rounded(spec.height), _rounded(1.2 * spec.width)
    return [smaller, larger, aspect]


def prove_sizes(
    file: Path,
    spec: Spec,
    frame: NDArray[np.uint8],
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    closeness: Callable[[], Closeness] = Closeness,
) -> tuple[str, ...]:
    """Runs the graph at `other_sizes` in every engine of the processor that is here.

    Args:
        file: of the graph.
        spec: that it keeps.
        frame: uint8 (H, W, 3) in BGR.
        reference: logits (1, C, h, w) of a tensor uint8 (1, H, W, 3), by the network that the graph was made of.
        closeness: makes what says whether logits are the same.

    Returns:
        The sizes, "WIDTHxHEIGHT", at which all agree.

    Raises:
        ExportError: an engine fails at a size, or gives other logits there.
    """
    sizes = other_sizes(spec)
    for name in (each for each in CPU_RUNTIMES if find_spec(each) is not None):
        engine = open_engine(name, file, spec, threads=1, own=True)
        try:
            for width, height in sizes:
                tensor = kernels.resize(frame, width, height)[np.newaxis]
                _compare(engine.infer, reference, tensor, f"{name} at {width}x{height}", closeness())
        finally:
            engine.close()
    return tuple(f"{width}x{height}" for width, height in sizes)


def _compare(
    infer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    tensor: NDArray[np.uint8],
    what: str,
    closeness: Closeness,
) -> None:
    advice = "a network that is tied to one size is no dynamic one: export it without dynamic"
    try:
        actual, expected = infer(tensor), reference(tensor)
    except EdgeSegError as error:
        raise ExportError(f"the graph is not dynamic, {what} fails ({error}); {advice}") from error
    if actual.shape != expected.shape:
        raise ExportError(
            f"the graph is not dynamic, {what} gives {actual.shape}, the network {expected.shape}; {advice}"
        )
    closeness.add(actual, expected)
    if not closeness.close:
        raise ExportError(
            f"the graph is not dynamic, logits of {what} differ by up to {closeness.difference:.3g} (largest "
            f"{closeness.largest:.3g}); {advice}"
        )


def _rounded(pixels: float) -> int:
    return max(STEP, round(pixels / STEP) * STEP)
