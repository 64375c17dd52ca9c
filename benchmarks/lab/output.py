"""Where the figures of a measurement go."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeseg.atomic import atomic_file


def write_figures(figures: Mapping[str, Any], path: Path | None) -> None:
    """Prints figures as JSON on stdout, and writes the same to a file where one is named.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if path is not None:
        with atomic_file(path) as temporary:
            temporary.write_text(text)
