"""The kernels against OpenCV and NumPy, on one thread: python -m lab.kernels [SOURCE] [--json FILE].

The implementations of a comparison take turns in one process, so that a busy moment of the machine hits them alike. A
turn is five calls. The first one finds the caches full of what the others left, as after a network: it is reported
apart, as "cold". Output arrays are allocated once, on both sides.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg import _native, kernels
from edgeseg.errors import SourceError
from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from edgeseg_bench.street_clip import street_clip
from lab.output import write_result

WIDTH, HEIGHT = 1280, 720
TURN = 5
"""Calls in a row."""

Array = NDArray[Any]
Implementations = dict[str, Callable[[int], object]]
"""By name: what one round calls, with its number. The first is ours, the others what it is compared with."""


def main(source: Path | None = None, *, bundle: str = "road", rounds: int = 40, json: Path | None = None) -> None:
    """Measure the kernels at 1280x720.

    Args:
        source: a video or an image, whose logits the bundle computes, or a .npy of logits (frames, classes, h, w); the
            street clip of the extra "demo" by default.
        bundle: the network that computes the logits.
        rounds: how many turns each implementation has.
        json: write the figures here too.
    """
    cv2.setNumThreads(1)
    source = source or street_clip()
    frames, logits = _recorded(source) if source.suffix == ".npy" else _computed(source, bundle)
    comparisons: dict[str, Implementations] = {
        f"logits {logits.shape[2]}x{logits.shape[3]} x {logits.shape[1]} -> mask": _argmax(logits),
        "logits + frame -> overlay": _overlay(logits, frames),
        "mask + frame -> overlay": _blend(logits, frames),
        "resize 1280x720 -> 480x360": _resize(frames),
        "resize 960x540 -> 480x360": _resize([cv2.resize(frame, (960, 540)) for frame in frames]),
        "logits -> margin": {"edgeseg": lambda i: kernels.margin(logits[i % len(logits)], WIDTH, HEIGHT)},
    }
    figures = {name: _measured(implementations, rounds) for name, implementations in comparisons.items()}
    agreement = _agreement(logits)
    for name, measured in figures.items():
        _show(name, measured)
    print(f"\nmasks equal to cv2.resize + argmax on {agreement:.4%} of the pixels")
    print(f"kernels on {_native.instruction_set()}, {processor()}, one thread")
    if json is not None:
        report = {
            "machine": platform.machine(),
            "processor": processor(),
            "instruction_set": _native.instruction_set(),
            "threads": 1,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "source": source.name,
            "frames": len(logits),
            "rounds": rounds,
            "agreement": agreement,
            "ms": figures,
        }
        write_result(report, json)


def _argmax(logits: Array) -> Implementations:
    mask = np.empty((HEIGHT, WIDTH), np.uint8)
    planes = np.empty((logits.shape[1], HEIGHT, WIDTH), np.float32)
    return {
        "edgeseg": lambda i: kernels.argmax(logits[i % len(logits)], WIDTH, HEIGHT, out=mask),
        "edgeseg, brute force": lambda i: kernels.argmax_unpruned(logits[i % len(logits)], WIDTH, HEIGHT, out=mask),
        "cv2.resize + numpy argmax": lambda i: _cv2_argmax(logits[i % len(logits)], planes),
    }


def _overlay(logits: Array, frames: list[Array]) -> Implementations:
    palette = _palette(logits)
    out = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    planes = np.empty((logits.shape[1], HEIGHT, WIDTH), np.float32)

    def with_cv2(i: int) -> object:
        mask = _cv2_argmax(logits[i % len(logits)], planes)
        return cv2.addWeighted(frames[i % len(frames)], 0.5, palette[mask], 0.5, 0, dst=out)

    return {
        "edgeseg": lambda i: kernels.overlay(logits[i % len(logits)], frames[i % len(frames)], palette, out=out),
        "cv2, numpy": with_cv2,
    }


def _blend(logits: Array, frames: list[Array]) -> Implementations:
    palette = _palette(logits)
    masks = [kernels.argmax(one, WIDTH, HEIGHT) for one in logits]
    out = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    return {
        "edgeseg": lambda i: kernels.blend(masks[i % len(masks)], frames[i % len(frames)], palette, out=out),
        "palette[mask] + cv2.addWeighted": lambda i: cv2.addWeighted(
            frames[i % len(frames)], 0.5, palette[masks[i % len(masks)]], 0.5, 0, dst=out
        ),
    }


def _resize(frames: list[Array]) -> Implementations:
    out = np.empty((360, 480, 3), np.uint8)

    def with_cv2(interpolation: int) -> Callable[[int], object]:
        return lambda i: cv2.resize(frames[i % len(frames)], (480, 360), dst=out, interpolation=interpolation)

    return {
        "edgeseg": lambda i: kernels.resize(frames[i % len(frames)], 480, 360, out=out),
        "cv2.INTER_LINEAR_EXACT": with_cv2(cv2.INTER_LINEAR_EXACT),
        "cv2.INTER_LINEAR": with_cv2(cv2.INTER_LINEAR),
    }


def _cv2_argmax(logits: Array, planes: Array) -> Array:
    for plane, out in zip(logits, planes, strict=True):
        cv2.resize(plane, (WIDTH, HEIGHT), dst=out, interpolation=cv2.INTER_LINEAR)
    mask: Array = planes.argmax(0)
    return mask


def _show(comparison: str, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{comparison:34} {'p50 ms':>9} {'p95':>9} {'min':>9} {'cold':>9}   p50 of ours, and cold")
    ours = figures["edgeseg"]
    for name, ms in figures.items():
        ratios = "" if ms is ours else f"{ms['p50'] / ours['p50']:9.2f} x {ms['cold'] / ours['cold']:9.2f} x"
        print(f"  {name:32} " + " ".join(f"{ms[key]:9.3f}" for key in ("p50", "p95", "min", "cold")) + ratios)


def _agreement(logits: Array) -> float:
    planes = np.empty((logits.shape[1], HEIGHT, WIDTH), np.float32)
    return float(np.mean([kernels.argmax(one, WIDTH, HEIGHT) == _cv2_argmax(one, planes) for one in logits]))


def _measured(implementations: Implementations, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a call; the first round, which maps memory and loads code, does not count."""
    milliseconds: dict[str, list[list[float]]] = {name: [] for name in implementations}
    for turn in range(rounds + 1):
        for name, call in implementations.items():
            milliseconds[name].append([_timed(call, turn + i) for i in range(TURN)])
    return {
        name: {
            "p50": float(np.median(turns[1:])),
            "p95": float(np.percentile(turns[1:], 95)),
            "min": float(np.min(turns[1:])),
            "cold": float(np.median([calls[0] for calls in turns[1:]])),
        }
        for name, turns in milliseconds.items()
    }


def _timed(call: Callable[[int], object], i: int) -> float:
    start = time.perf_counter()
    call(i)
    return (time.perf_counter() - start) * 1000


def _recorded(path: Path) -> tuple[list[Array], Array]:
    logits = np.ascontiguousarray(np.load(path), np.float32)
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return [noise], logits  # what a frame shows costs neither resize nor blend anything


def _computed(path: Path, bundle: str) -> tuple[list[Array], Array]:
    """Up to eight frames, from all over a video, at 1280x720, and the bundle's logits of them."""
    import edgeseg

    capture = cv2.VideoCapture(str(path))
    count = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    frames: list[Array] = []
    for position in range(0, count, -(-count // 8)):
        capture.set(cv2.CAP_PROP_POS_FRAMES, position)
        decoded, frame = capture.read()
        if decoded:
            frames.append(kernels.resize(np.asarray(frame, np.uint8), WIDTH, HEIGHT))
    capture.release()
    if not frames:
        raise SourceError(f"{path} gives no frame; pass a video, an image or a .npy of logits")
    model = edgeseg.load(bundle)
    return frames, np.concatenate([model.logits(frame) for frame in frames])


def _palette(logits: Array) -> Array:
    return np.random.default_rng(0).integers(0, 256, (max(2, logits.shape[1]), 3), dtype=np.uint8)


if __name__ == "__main__":
    run_script(main, "python -m lab.kernels")
