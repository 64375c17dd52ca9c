"""What edgeseg-run as a process printed and wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

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
