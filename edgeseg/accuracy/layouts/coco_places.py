"""Where COCO's exporters put their JSON files and the images; coco.py shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ROBOFLOW = "_annotations.coco.json"
_SINGLE = ("result.json", "annotations.json", _ROBOFLOW)


def annotation_files(folder: Path) -> Iterator[tuple[str | None, Path]]:
    """The JSON files, and the names of their splits; None for the whole."""
    for path in sorted(folder.glob("annotations/instances_*.json")):
        name = path.stem.removeprefix("instances_")
        yield (None if name == "default" else name.rstrip("0123456789") or name), path
    for path in sorted(folder.glob(f"*/{_ROBOFLOW}")):
        if not path.parent.name.startswith("."):
            yield path.parent.name, path
    for path in (folder / name for name in _SINGLE):
        if path.is_file():
            yield None, path


def image_folders(path: Path, folder: Path) -> tuple[Path, ...]:
    """Where the images of a file may lie, the likeliest first."""
    if path.name.startswith("instances_"):
        name = path.stem.removeprefix("instances_")
        return folder / name, folder / "images" / name, folder / "images"
    return (folder / "images", folder) if path.parent == folder else (path.parent,)
