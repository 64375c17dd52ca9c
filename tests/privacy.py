"""What tests/test_privacy.py watches: the product's work in one process, from training to every engine.

Called with a folder to work in. It lives longer than the nine seconds after which ONNX Runtime's telemetry speaks.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

LIFE = 11.0
"""Seconds from the first session on."""

CLASSES = ("road", "car", "sky")


def data_set(folder: Path) -> Path:
    """Four images a split, with labels."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for number in range(4):
            frame = random.integers(0, 256, (64, 96, 3), np.uint8)
            cv2.imwrite(str(folder / f"images/{split}/{split}{number}.png"), frame)
            cv2.imwrite(str(folder / f"masks/{split}/{split}{number}.png"), frame[..., 0] % len(CLASSES))
    classes = [{"name": name, "colour": [10 * at, 0, 0]} for at, name in enumerate(CLASSES)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": None}))
    return folder


def commands(folder: Path) -> list[list[str]]:
    """Command lines, in the order of a network's life."""
    data, run, bundle = data_set(folder / "data"), folder / "run", folder / "bundle"
    frame = str(data / "images/val/val0.png")
    train = ["train", "unet", "--data", str(data), "--out", str(run), "--epochs", "1", "--crop", "32x32"]
    given = ["--bundle", str(bundle)]
    made = [
        [*train, "--batch", "2", "--width", "0.25"],
        ["export", str(run / "weights.safetensors"), "--out", str(bundle), "--data", str(data)],
        ["quantize", str(bundle), "--data", str(data / "images/train"), "--min-agreement", "0"],  # on noise
        ["eval", str(data), *given, "--split", "val", "--json"],
        ["inspect", str(bundle), "--json"],
        ["doctor", "--json"],
        ["run", frame, *given, "--engine", "onnxruntime", "--out", str(folder / "out.png")],
        ["run", str(data / "images/val"), *given, "--engine", "auto", "--masks", str(folder / "masks")],
    ]
    if find_spec("openvino"):
        made.append(["run", frame, *given, "--engine", "openvino", "--out", str(folder / "openvino.png")])
    if find_spec("tensorrt_rtx"):
        made.append(["compile", str(bundle), "--target", "tensorrt-rtx"])
    return made


def main() -> None:
    """Runs them all; what they print says which one failed."""
    import edgeseg.auto
    from edgeseg.cli import app

    edgeseg.auto.SECONDS = 0.05
    started = None
    for command in commands(Path(sys.argv[1])):
        code = app(command, result_action="return_value")
        if code:
            sys.exit(f"{command} ended with {code}")
        if started is None and "edgeseg.ort" in sys.modules:
            started = time.monotonic()
    assert started is not None
    time.sleep(max(0.0, started + LIFE - time.monotonic()))


if __name__ == "__main__":
    main()
