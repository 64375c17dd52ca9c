"""Names of outputs: what may stand in them, and what may have them."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from string import Formatter

from edgeseg.atomic import check_name
from edgeseg.errors import OutputError, UsageError
from edgeseg.rename import rename_to_free

PART = "part"
"""What a recording is called until it has its name: `.NAME.TOKEN.part.SUFFIX`."""

TIME_FORMAT = "%Y-%m-%dT%H-%M-%S"


def expand_time(path: Path, now: datetime) -> Path:
    """The path with `{time:FORMAT}` replaced by the time, as strftime writes it; {{ and }} are braces.

    Raises:
        UsageError: something else stands in braces.
    """
    parts = []
    try:
        for text, name, form, conversion in Formatter().parse(str(path)):
            parts.append(text)
            if name is None:
                continue
            if name != "time" or conversion or "{" in (form or ""):
                raise ValueError(f"{{{name}}}")
            parts.append(now.strftime(form or TIME_FORMAT))
    except ValueError as error:
        raise UsageError(
            f"the output {path} has something in braces that is not the time ({error}); write {{time:{TIME_FORMAT}}} "
            "for the time, {{ and }} for braces"
        ) from error
    return Path("".join(parts))


def check_target(path: Path, suffixes: tuple[str, ...], *, overwrite: bool) -> None:
    """Raises OutputError unless `path` ends in one of `suffixes` and can be written, in a folder that exists.

    Without `overwrite` the name must be free.
    """
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"cannot write {path}: it ends in {path.suffix or 'no extension'}, expected "
            f"{' or '.join(suffixes)} for this source"
        )
    check_name(path)
    check_folder(path.parent)
    if not overwrite and os.path.lexists(path):
        raise OutputError(
            f"{path} already exists; choose another name, put the time into it "
            f"({path.stem}-{{time:%H-%M-%S}}{path.suffix}), or add --overwrite"
        )


def check_folder(folder: Path) -> None:
    """Raises OutputError unless files can be made in it."""
    if not folder.is_dir():
        raise OutputError(f"cannot write into {folder}: no such folder; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {folder}: no permission; choose another folder")


def nth_name(path: Path, number: int) -> Path:
    """out.mp4, out-2.mp4, out-3.mp4: the files of one recording."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def free_name(path: Path, spare: Path | None = None) -> Path:
    """The path itself if nothing has it and it is not `spare`, else out.recovered-1.mp4, or the next."""
    others = (path.with_name(f"{path.stem}.recovered-{number}{path.suffix}") for number in count(1))
    return next(name for name in chain([path], others) if name != spare and not os.path.lexists(name))


def give_name(part: Path, target: Path, *, overwrite: bool, spare: Path | None = None) -> Path:
    """Renames a finished part; where the name is taken by now, or is `spare`, to a free one beside it.

    The name is on the disk for certain after `edgeseg.atomic.sync_folder`.

    Returns:
        The name that it has.

    Raises:
        OSError: it cannot be renamed.
    """
    if overwrite:
        return part.replace(target)
    while True:
        name = free_name(target, spare)
        with suppress(FileExistsError):  # another took it in between
            rename_to_free(part, name)
            return name
