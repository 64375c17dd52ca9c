"""Where the figures of a measurement go."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeseg.atomic import write_text


def write_figures(figures: Mapping[str, Any], path: Path | None) -> None:
    """Prints figures as JSON on stdout, and writes the same to a file where one is named.

    Raises:
        OutputError: the file cannot be written.
    """
    sys.stdout.write(_text(figures))
    if path is not None:
        write_result(figures, path)


def write_result(result: Mapping[str, Any], path: Path) -> None:
    """Writes a result as JSON, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, _text(result))


def _text(result: Mapping[str, Any]) -> str:
    return json.dumps(result, indent=2) + "\n"
