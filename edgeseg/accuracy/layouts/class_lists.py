"""The classes beside a data set's folders: classes.json, or a list of colours that came with coloured masks.

    label_colors.txt   64 128 64  Animal      CamVid's own, CVAT's and Datumaro's
    class_dict.csv     Animal,64,128,64       CamVid, DeepGlobe and others on Kaggle

These lists number nothing: masks are read by their colours. A class that is called as one of VOID_NAMES is ignored.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeseg.accuracy.classes import VOID, Classes
from edgeseg.accuracy.classes_file import FORM, read_classes
from edgeseg.accuracy.layouts.layout import read_text
from edgeseg.errors import DataError
from edgeseg.spec import Colour

VOID_NAMES = frozenset({"void", "ignored", "unlabelled", "unlabeled"})

_LEVELS = r"(?P<red>\d{1,3})[\s,]+(?P<green>\d{1,3})[\s,]+(?P<blue>\d{1,3})"
_NAME = r"(?P<name>[^\s,]|[^\s,].*[^\s,])"
_LISTS = {
    "label_colors.txt": (re.compile(rf"{_LEVELS}[\s,]+{_NAME}"), "red green blue name"),
    "class_dict.csv": (re.compile(rf"{_NAME}\s*,\s*{_LEVELS}"), "name,red,green,blue"),
}
_HEADS = ("name,r,g,b", "name,red,green,blue")


def classes_beside(folder: Path) -> Classes:
    """The classes of a data set whose layout gives none of its own.

    Raises:
        DataError: they are not there; or as `known_classes`.
    """
    classes = known_classes(folder)
    if classes is None:
        raise DataError(f"{folder} has pictures and masks but no classes.json; write one, {FORM}")
    return classes


def known_classes(folder: Path) -> Classes | None:
    """The classes that a file in the folder gives, classes.json before the others; None if there is none.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    if (folder / "classes.json").is_file():
        return read_classes(folder / "classes.json")
    path = next((folder / name for name in _LISTS if (folder / name).is_file()), None)
    return None if path is None else _listed(path, *_LISTS[path.name])


def _listed(path: Path, form: re.Pattern[str], expected: str) -> Classes:
    colours: dict[str, Colour] = {}
    for line in map(str.strip, read_text(path).splitlines()):
        if not line or line.startswith("#") or line.lower().replace(" ", "") in _HEADS:
            continue
        row = form.fullmatch(line)
        red, green, blue = (int(row[key]) for key in ("red", "green", "blue")) if row else (256, 0, 0)
        if row is None or max(red, green, blue) > 255:
            reason = f"{path} has the line {line!r:.80}, expected {expected}"
            raise DataError(f"{reason}; correct it or write a classes.json")
        if row["name"] in colours:
            raise DataError(f"{path} has the class {row['name']!r:.80} twice; give each a name of its own")
        colours[row["name"]] = red, green, blue
    void = next((name for name in colours if name.lower() in VOID_NAMES), None)
    ignored = None if void is None else colours.pop(void)
    return Classes(tuple(colours), tuple(colours.values()), VOID, ignored, reading="colours")
