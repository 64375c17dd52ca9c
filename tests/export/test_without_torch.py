"""What the extra `onnx` is for: from somebody's ONNX file to INT8, where PyTorch is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from edgeseg.bundle import Bundle
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, description, network, saved

ALONE = """
import sys
for package in ("torch", "onnxscript", "safetensors", "matplotlib"):
    sys.modules[package] = None  # importing it fails as where it is not installed
from edgeseg.cli import main
sys.exit(main())
"""


def alone(*arguments: str | Path) -> str:
    """What a command says in a process that has no torch."""
    command = [sys.executable, "-c", ALONE, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def pictures(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(count):
        blocks = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.resize(blocks, (WIDTH, HEIGHT)))
    return folder


def test_an_onnx_file_goes_the_whole_way(tmp_path: Path) -> None:
    model, spec, out = saved(network(), tmp_path), tmp_path / "spec.json", tmp_path / "city"
    spec.write_text(json.dumps(description()))
    alone("import", model, "--make-spec", "--spec", tmp_path / "begun.json")
    alone("import", model, "--spec", spec, "--out", out)
    alone("quantize", out, "--data", pictures(tmp_path / "seen", 10, 0), "--seven-bits")
    alone("verify", out, "--data", pictures(tmp_path / "unseen", 3, 1), "--html", tmp_path / "verify.html")
    assert {artifact.precision for artifact in Bundle.open(out).artifacts} == {"fp32", "fp16", "int8", "int8-7bit"}
    assert "onnxruntime int8" in (tmp_path / "verify.html").read_text()
