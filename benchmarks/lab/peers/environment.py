"""Environments of peers whose packages do not go with ours: made once, from pinned requirements."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from edgeseg.errors import EngineError

REQUIREMENTS = Path(__file__).parent / "requirements"

LABORATORY = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
"""The environment variables with which `python -m lab.peers.X` is found, in any folder and by any Python."""


def python_of(name: str, folder: Path) -> Path:
    """The Python of an environment in `folder`, which has what requirements/<name>.txt lists and nothing else.

    With LABORATORY's variables it runs this folder's files. The environment is made anew when the list or our Python
    changed.

    Raises:
        EngineError: it cannot be set up: there is no such package for this machine, or no registry.
    """
    requirements = REQUIREMENTS / f"{name}.txt"
    stamp = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    root = folder / name
    python, marker = root / "bin" / "python", root / "made"
    if python.exists() and marker.exists() and marker.read_text() == stamp:
        return python
    _run([sys.executable, "-m", "venv", "--clear", str(root)], name)
    # A wheel is taken or nothing: to build from source would take hours on a small device.
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "-r", str(requirements)]
    _run([str(python), *install], name)
    marker.write_text(stamp)
    return python


def _run(command: list[str], name: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
        raise EngineError(f"the environment {name} cannot be set up here: {errors[-1].removeprefix('ERROR: ')}")
