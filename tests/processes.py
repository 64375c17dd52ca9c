"""Programs that a test starts as processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """A list for processes; those in it are killed at the end, and what they printed is read."""
    started: list[subprocess.Popen[str]] = []
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()
