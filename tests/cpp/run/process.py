"""What edgeseg-run as a process printed and wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.artifact import SHIPPED

SECONDS = 120.0
"""After which a test gives up."""

Start = Callable[..., "subprocess.Popen[str]"]


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, error = process.communicate(timeout=SECONDS)
    assert out, error
    read: dict[str, Any] = json.loads(out)
    return read


def complaint(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=SECONDS)
    assert (out, process.returncode) == ("", 2)
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def with_faults(program: Path, file: Path, faults: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """edgeseg-run under strace, which lets calls that concern a file fail."""
    strace = ["strace", "-f", "-o", str(file.parent / "strace.log"), "-P", str(file), "-P", file.name]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace is not here, or may not trace")
    for fault in faults:
        strace += ["-e", f"inject={fault}"]
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32", "--json"]
    command = [*strace, str(program), *arguments, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=file.parent, timeout=SECONDS)


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.name: np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)).tobytes() for path in folder.glob("*.png")
    }


def written(masks: Path) -> int:
    return sum(1 for path in masks.glob("[!.]*.png")) if masks.is_dir() else 0


def shape(value: Any) -> Any:
    """A JSON value without its figures and paths."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return type(value) if not isinstance(value, (int, float)) or isinstance(value, bool) else float
