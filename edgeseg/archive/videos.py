"""Which videos a run is about: files, folders of them, and lists of files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from edgeseg.archive.place import FRAMES, MASKS, RUN
from edgeseg.errors import SourceError, UsageError
from edgeseg.files import LARGEST_TEXT, read_file, real, walk

SUFFIXES = frozenset(
    f".{kind}"
    for kind in (
        *("3gp", "avi", "flv", "h264", "h265", "hevc", "m2ts", "m4v", "mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg"),
        *("mpg", "mts", "mxf", "ogv", "ts", "vob", "webm", "wmv", "y4m"),
    )
)
"""Of the files in a folder that are taken for videos."""

MANIFEST = ".txt"
"""The suffix of a list of files."""

SHOWN = 3
"""Files that a message names, of many."""


class Video(NamedTuple):
    """A video of an archive.

    Attributes:
        name: of its results, a relative path with its suffix: "day-1/cam.mp4".
        path: where it lies, absolute.
        bytes: its size.
    """

    name: str
    path: Path
    bytes: int


def find_videos(inputs: Sequence[Path], out: Path) -> tuple[list[Video], int]:
    """The videos that are meant, and how many files in the folders are none by their names.

    Args:
        inputs: files; folders, in which files that are called like videos are meant, in all folders below too; and
            lists (.txt), UTF-8 with a path a line, relative to the list, where lines that begin with # say nothing.
        out: the folder of the results, which is not looked into, as those of other runs are not.

    Raises:
        SourceError: a file is missing, or a folder or list names no video.
        UsageError: two videos would have one name.
    """
    videos: list[Video] = []
    others = 0
    for each in inputs:
        if each.is_dir():
            found, strangers = _in_folder(each, out)
            others += strangers
        elif each.suffix.lower() == MANIFEST:
            found = _in_manifest(each)
        else:
            found = [(each.name, each)]
        _check_present([path for _, path in found], each)
        videos += [Video(name, path.absolute(), path.stat().st_size) for name, path in found]
    if not videos:
        raise SourceError("there is no video to segment; give files, a folder or a list of files (.txt)")
    _check_names(videos)
    for name, path, _ in videos:
        if real(out / name) == real(path):
            raise UsageError(f"the results in {out} would take the place of the videos there; choose another --out")
    return videos, others


def _in_folder(folder: Path, out: Path) -> tuple[list[tuple[str, Path]], int]:
    videos, others = [], 0
    for path in _files(folder, real(out)):
        if path.suffix.lower() in SUFFIXES:
            videos.append((str(path.relative_to(folder)), path))
        else:
            others += 1
    if not videos:
        raise SourceError(
            f"the folder {folder} holds no video, expected files that end in .mp4, .mkv, .avi or the like; "
            "give others by their names, or in a list (.txt)"
        )
    return videos, others


def _files(folder: Path, out: Path) -> Iterator[Path]:
    """Files in it and in the folders below, in order; neither hidden ones nor results, in `out` or elsewhere."""

    def refuse(error: OSError) -> None:
        raise SourceError(f"cannot look into {error.filename}: {error.strerror}; check its permissions") from error

    for here, folders, names in walk(folder, refuse):
        if {MASKS, FRAMES} <= set(names):
            folders.clear()
            continue
        folders[:] = [each for each in folders if real(here / each) != out]
        yield from (here / name for name in names)


def _in_manifest(manifest: Path) -> list[tuple[str, Path]]:
    try:
        lines = read_file(manifest, LARGEST_TEXT).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise SourceError(f"cannot read {manifest}: {error.strerror or error}; check the path") from error
    except UnicodeError as error:
        raise SourceError(f"{manifest} is no UTF-8 text, expected a path on each line; write it again") from error
    videos = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            path = manifest.parent / line.strip()
            name = Path(os.path.relpath(path, manifest.parent))
            videos.append((path.name if ".." in name.parts else str(name), path))
    if not videos:
        raise SourceError(f"the list {manifest} names no video, expected a path on each line")
    return videos


def _check_present(paths: Sequence[Path], where: Path) -> None:
    missing = [path for path in paths if not path.is_file()]
    if not missing:
        return
    named = ", ".join(str(path) for path in missing[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    if missing == [where]:
        raise SourceError(f"{named} does not exist or is no file, expected a video, a folder or a list; check the path")
    raise SourceError(
        f"{where} names {len(missing)} of {len(paths)} files that are not there: {named}{more}; take them out of the "
        "list, or put them there"
    )


def _check_names(videos: Sequence[Video]) -> None:
    paths: dict[str, Path] = {}
    for name, path, _ in videos:
        if name in paths:
            raise UsageError(
                f"{paths[name]} and {path} would both be {name} among the results; give a folder that holds both, or "
                "a list (.txt) in it"
            )
        paths[name] = path
    for name, path, _ in videos:
        parents = [str(parent) for parent in Path(name).parents]
        if Path(name).parts[0] == RUN or any(parent in paths for parent in parents):
            raise UsageError(f"{path} cannot be called {name} among the results, where that name is used; rename it")
