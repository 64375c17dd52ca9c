"""The classes beside a data set's folders: classes.json, or the first there is of the lists that other programs write.

    label_colors.txt   64 128 64  Animal      CamVid's own, CVAT's and Datumaro's
    class_dict.csv     Animal,64,128,64       CamVid, DeepGlobe and others on Kaggle
    class_names.txt    Animal                 LabelMe's, PaddleSeg's: in the order of ids; also labels.txt, classes.txt
    id2label.json      {"0": "Animal", ...}   Hugging Face
    obj_class_to_machine_color.json           Supervisely's: {"Animal": [1, 1, 1], ...}, 0 is "background"

The first two number nothing: masks are read by their colours. A class that is called as one of VOID_NAMES is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from edgeseg.accuracy.classes import BLACK_WHITE, VOID, Classes
from edgeseg.accuracy.classes_file import FORM, read_classes
from edgeseg.accuracy.layouts.layout import read_text
from edgeseg.accuracy.layouts.numbered import VOID_NAMES, numbered, palette
from edgeseg.errors import DataError
from edgeseg.json_fields import of_kind, read_json
from edgeseg.spec import Colour

_LEVELS = r"(?P<red>\d{1,3})[\s,]+(?P<green>\d{1,3})[\s,]+(?P<blue>\d{1,3})"
_NAME = r"(?P<name>[^\s,]|[^\s,].*[^\s,])"
_LEVELS_FIRST = re.compile(rf"{_LEVELS}[\s,]+{_NAME}"), "red green blue name"
_NAME_FIRST = re.compile(rf"{_NAME}\s*,\s*{_LEVELS}"), "name,red,green,blue"

_HEADINGS = re.compile(r"[^\d,]+(,[^\d,]+){3}")

_MORE_THAN_A_NAME = re.compile(r"[,;:\t]|^\d+\s")
"""What a line has that numbers or colours a class too."""

_ID = re.compile(r"0|[1-9]\d{0,4}", re.ASCII)

_IGNORE = "__ignore__"
"""LabelMe's first label, whose id is -1 and thus 255."""


def classes_beside(folder: Path) -> Classes:
    """The classes of a data set whose layout gives none of its own.

    Raises:
        DataError: they are not there; or as `known_classes`.
    """
    classes = known_classes(folder)
    if classes is None:
        raise DataError(f"{folder} has pictures and masks but no classes.json; write one, {FORM}")
    return classes


def has_classes(folder: Path) -> bool:
    """Whether there is a file for `known_classes`."""
    return any((folder / name).is_file() for name in _READERS)


def known_classes(folder: Path) -> Classes | None:
    """The classes that a file in the folder gives, classes.json before the others; None if there is none.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    return next((read(folder / name) for name, read in _READERS.items() if (folder / name).is_file()), None)


def names_in_order(path: Path) -> Classes:
    """The classes of a list of names, whose places are the ids that masks hold; 255 is ignored.

    Of two, the masks may be black and white too.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    names = [name for name in map(str.strip, read_text(path).splitlines()) if name]
    strange = next((name for name in names if _MORE_THAN_A_NAME.search(name)), None)
    if strange is not None:
        raise DataError(
            f"{path} has the line {strange!r:.80}, expected in each the name of a class alone, in the order of the "
            f"ids; correct it or write a classes.json, {FORM}"
        )
    if names[:1] == [_IGNORE]:
        del names[0]
    if not {name.lower() for name in names}.isdisjoint(VOID_NAMES):
        return numbered(dict(enumerate(names)))
    if len(names) == len(BLACK_WHITE):
        return Classes(tuple(names), BLACK_WHITE, VOID)
    return Classes(tuple(names), palette(len(names)), VOID, reading="ids")


def _from_id2label(path: Path) -> Classes:
    data = read_json(path, error=DataError, unreadable="check its permissions", damaged="correct it")
    entries = of_kind(data, dict, where=str(path), error=DataError)
    for number, name in entries.items():
        if not (_ID.fullmatch(number) and int(number) < 1 << 16 and type(name) is str):
            raise DataError(
                f'{path} has {number!r:.20}: {name!r:.60}, expected an id of 0 to 65535 and a name, as "0": "road"; '
                f"correct it or write a classes.json, {FORM}"
            )
    return numbered({int(number): name for number, name in entries.items()})


def _from_supervisely(path: Path) -> Classes:
    """The classes of its machine masks, whose levels are ids; 0 is what no class covers."""
    data = read_json(path, error=DataError, unreadable="check its permissions", damaged="export it again")
    names = {0: "background"}
    for name, levels in of_kind(data, dict, where=str(path), error=DataError).items():
        ids = {*levels} if type(levels) is list and all(type(each) is int for each in levels) else set()
        if len(ids) != 1 or not 0 < min(ids) <= VOID or min(ids) in names:
            raise DataError(
                f"{path} has {name!r:.60}: {levels!r:.40}, expected one level of 1 to 255 three times, another for "
                f"each class; export it again or write a classes.json, {FORM}"
            )
        names[min(ids)] = name
    return numbered(names)


def _coloured(form: re.Pattern[str], expected: str) -> Callable[[Path], Classes]:
    """A reader of lists of that form."""

    def read(path: Path) -> Classes:
        colours: dict[str, Colour] = {}
        lines = [line for line in (line.replace('"', "").strip() for line in read_text(path).splitlines()) if line]
        for at, line in enumerate(lines):
            if line.startswith("#") or (at == 0 and _HEADINGS.fullmatch(line)):
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

    return read


_READERS: dict[str, Callable[[Path], Classes]] = {
    "classes.json": read_classes,
    "label_colors.txt": _coloured(*_LEVELS_FIRST),
    "class_dict.csv": _coloured(*_NAME_FIRST),
    **dict.fromkeys(("class_names.txt", "labels.txt", "classes.txt"), names_in_order),
    "id2label.json": _from_id2label,
    "obj_class_to_machine_color.json": _from_supervisely,
}
