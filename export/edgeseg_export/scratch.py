"""A folder for temporary files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import EdgeSegError, OutputError


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Yields a temporary folder that is removed afterwards.

    Raises:
        OutputError: its disk is full, or cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"edgeseg-{purpose}-") as name:
            yield Path(name)
    except EdgeSegError:  # some are OSErrors too, and name their cause themselves
        raise
    except OSError as error:
        raise OutputError(
            f"cannot write temporary files in {tempfile.gettempdir()}: {error.strerror or error}; make room there, or "
            "set TMPDIR to another folder"
        ) from error
