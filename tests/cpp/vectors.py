"""Writes cpp_bridge/tests/vectors.json, what OpenCV and NumPy give, not edgeseg: python tests/cpp/vectors.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

VECTORS = Path(__file__).parents[2] / "cpp_bridge/tests/vectors.json"

SIZES = [(1, 1), (2, 3), (17, 5), (64, 48), (63, 49), (5, 90), (200, 1)]


def noise(count: int, seed: int) -> NDArray[np.uint8]:
    """Bytes of a linear congruential generator (Numerical Recipes' constants), which C++ computes too."""
    state, found = seed, np.empty(count, np.uint8)
    for place in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        found[place] = state >> 24
    return found


def resized(case: dict[str, Any]) -> NDArray[np.uint8]:
    """OpenCV's exact bilinear resize."""
    width, height = case["from"]
    frame = noise(width * height * case["channels"], case["seed"]).reshape(height, width, case["channels"])
    return np.asarray(cv2.resize(frame, tuple(case["to"]), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def masked(case: dict[str, Any]) -> NDArray[np.uint8]:
    """The arg-max of logits that NumPy interpolates in float32: two products and a sum, rows first."""
    shape = case["logits"]
    octets = noise(3 * int(np.prod(shape)), case["seed"]).reshape(-1, 3).astype(np.int64)
    values = (octets @ [65536, 256, 1] - 8388608).astype(np.float32).reshape(shape) / np.float32(65536)
    if len(values) == 1:
        values = np.concatenate([np.zeros_like(values), values])
    x, y, across, down = case["rect"]
    for axis, origin, extent, count in ((1, y, down, case["to"][1]), (2, x, across, case["to"][0])):
        size = values.shape[axis]
        position = np.clip(origin + (np.arange(count) + 0.5) * extent / count - 0.5, 0, size - 1)
        low = np.minimum(position.astype(int), max(size - 2, 0))
        weight = (position - low).reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
        near, far = np.take(values, low, axis), np.take(values, np.minimum(low + 1, size - 1), axis)
        values = (1 - weight).astype(np.float32) * near + weight.astype(np.float32) * far
    return np.asarray(values.argmax(0), np.uint8)


def vectors() -> list[dict[str, Any]]:
    """All cases, each with the hash of its output."""
    cases: list[dict[str, Any]] = [
        {"kernel": "resize", "from": list(begin), "to": list(end), "channels": channels, "seed": seed}
        for seed, (begin, end, channels) in enumerate(
            (begin, end, channels) for begin in SIZES for end in SIZES[1:] for channels in (1, 3) if begin != end
        )
    ]
    grids = [((2, 1, 1), (5, 4)), ((1, 7, 9), (40, 31)), ((12, 45, 60), (240, 180)), ((3, 20, 31), (33, 21))]
    for seed, (logits, size) in enumerate(grids):
        rows, columns = logits[1:]
        for rect in ([0, 0, columns, rows], [0.25, 0, columns - 0.5, rows * 0.75], [-1, 0.5, columns + 3, rows]):
            cases.append({"kernel": "argmax", "logits": logits, "to": size, "rect": rect, "seed": seed})
    for case in cases:
        output = resized(case) if case["kernel"] == "resize" else masked(case)
        case["sha256"] = hashlib.sha256(output.tobytes()).hexdigest()
    return cases


if __name__ == "__main__":
    VECTORS.write_text("[\n" + ",\n".join(json.dumps(case) for case in vectors()) + "\n]\n", encoding="utf-8")
