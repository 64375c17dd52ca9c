"""Which videos a run is about: files, folders of them, and lists of files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from edgeseg.archive import store
from edgeseg.archive.address import Location, Object, is_clean, is_url, locate
from edgeseg.archive.place import FRAMES, MASKS, RUN
from edgeseg.counted import first_of
from edgeseg.errors import EdgeSegError, SourceError, UsageError
from edgeseg.files import real, walk

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


class Video(NamedTuple):
    """A video of an archive.

    Attributes:
        name: of its results, a relative path with its suffix: "day-1/cam.mp4".
        path: where it lies; absolute, if it is no object.
        bytes: its size.
    """

    name: str
    path: Location
    bytes: int


def find_videos(inputs: Sequence[Location], out: Location) -> tuple[list[Video], int]:
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
        store.check(each)
        if store.is_folder(each):
            found, strangers = _in_prefix(each, out) if isinstance(each, Object) else _in_folder(each, out)
            others += strangers
        elif each.suffix.lower() == MANIFEST:
            found = _present(_in_manifest(each), each)
        else:
            found = _present([(each.name, each)], each)
        videos += found
    if not videos:
        raise SourceError("there is no video to segment; give files, a folder or a list of files (.txt)")
    _check_names(videos)
    for name, path, _ in videos:
        if _real(out / name) == _real(path):
            raise UsageError(f"the results in {out} would take the place of the videos there; choose another --out")
    return videos, others


def _real(path: Location) -> Location:
    return real(path) if isinstance(path, Path) else path


def _in_folder(folder: Path, out: Location) -> tuple[list[Video], int]:
    found: list[Path] = []
    others = 0
    for path in _files(folder, _real(out)):
        if path.suffix.lower() in SUFFIXES:
            found.append(path)
        else:
            others += 1
    # A link that leads nowhere, or a pipe, fails alone, as any file does that is no video.
    sizes = [size or 0 for size in store.sizes(found)]
    videos = [
        Video(str(path.relative_to(folder)), path.absolute(), size) for path, size in zip(found, sizes, strict=True)
    ]
    return _some(videos, folder), others


def _in_prefix(folder: Object, out: Location) -> tuple[list[Video], int]:
    """What `_in_folder` finds, below an object."""
    found = dict(store.objects(folder))
    parents = {PurePosixPath(key).parent for key in found if PurePosixPath(key).name == FRAMES}
    results = {each for each in parents if str(each / MASKS) in found}
    apart = not isinstance(out, Object) or out.endpoint != folder.endpoint or out == folder
    videos, others = [], 0
    for key, size in found.items():
        path = PurePosixPath(key)
        inside = not apart and str(folder / key).startswith(f"{out}/")
        if inside or results.intersection(path.parents) or any(part[0] == "." for part in path.parts):
            continue
        if path.suffix.lower() in SUFFIXES and is_clean(key):
            videos.append(Video(key, folder / key, size))
        else:
            others += 1
    return _some(videos, folder), others


def _some(videos: list[Video], folder: Location) -> list[Video]:
    if not videos:
        raise SourceError(
            f"the folder {folder} holds no video, expected files that end in .mp4, .mkv, .avi or the like; "
            "give others by their names, or in a list (.txt)"
        )
    return videos


def _files(folder: Path, out: Location) -> Iterator[Path]:
    """Files in it and in the folders below, in order; neither hidden ones nor results, in `out` or elsewhere."""

    def refuse(error: OSError) -> None:
        raise SourceError(f"cannot look into {error.filename}: {error.strerror}; check its permissions") from error

    for here, folders, names in walk(folder, refuse):
        if {MASKS, FRAMES} <= set(names):
            folders.clear()
            continue
        folders[:] = [each for each in folders if real(here / each) != out]
        yield from (here / name for name in names)


def _in_manifest(manifest: Location) -> list[tuple[str, Location]]:
    try:
        content = store.read(manifest)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        lines = content.decode("utf-8-sig").splitlines()
    except EdgeSegError:
        raise
    except OSError as error:
        raise SourceError(f"cannot read {manifest}: {error.strerror or error}; check the path") from error
    except UnicodeError as error:
        raise SourceError(f"{manifest} is no UTF-8 text, expected a path on each line; write it again") from error
    videos: list[tuple[str, Location]] = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            videos.append(_line(line.strip(), manifest.parent))
    if not videos:
        raise SourceError(f"the list {manifest} names no video, expected a path on each line")
    return videos


def _line(line: str, folder: Location) -> tuple[str, Location]:
    """Name and place of what a line of a list names; `folder` is the list's."""
    if not is_url(line) and isinstance(folder, Path):
        path = folder / line
        name = Path(os.path.relpath(path, folder))
        return (path.name if ".." in name.parts else str(name)), path
    found = locate(line if is_url(line) else f"{folder}/{line}")
    if isinstance(found, Object) and isinstance(folder, Object):
        if not is_url(line):
            found = replace(found, endpoint=folder.endpoint, region=folder.region)
        if f"{found}".startswith(f"{folder}/") and found.endpoint == folder.endpoint:
            return f"{found}"[len(f"{folder}/") :], found
    return found.name, found


def _present(found: Sequence[tuple[str, Location]], where: Location) -> list[Video]:
    """The videos, all of which must be there; `where` is what names them."""
    videos: list[Video] = []
    missing: list[Location] = []
    for (name, path), size in zip(found, store.sizes([path for _, path in found]), strict=True):
        if size is None:
            missing.append(path)
        else:
            videos.append(Video(name, path.absolute() if isinstance(path, Path) else path, size))
    if not missing:
        return videos
    if missing == [where]:
        raise SourceError(f"{where} does not exist or is no file, expected a video, a folder or a list; check the path")
    raise SourceError(
        f"{where} names {len(missing)} of {len(found)} files that are not there: {first_of(missing)}; take them out of "
        "the list, or put them there"
    )


def _check_names(videos: Sequence[Video]) -> None:
    paths: dict[str, Location] = {}
    for name, path, _ in videos:
        if name in paths:
            if _real(paths[name]) == _real(path):
                raise UsageError(f"{path} is given twice; give it once")
            raise UsageError(
                f"{paths[name]} and {path} would both be {name} among the results; give a folder that holds both, or "
                "a list (.txt) in it"
            )
        paths[name] = path
    for name, path, _ in videos:
        parents = [str(parent) for parent in Path(name).parents]
        if Path(name).parts[0] == RUN or any(parent in paths for parent in parents):
            raise UsageError(f"{path} cannot be called {name} among the results, where that name is used; rename it")
