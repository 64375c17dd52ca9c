"""classes.json: names, colours and ids of a data set's classes, and how its masks give them."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from pathlib import Path
from typing import Any, cast, get_args

from edgeseg.accuracy.classes import VOID, Classes, Reading
from edgeseg.errors import DataError
from edgeseg.json_fields import list_of, optional, read_json, required
from edgeseg.spec import Colour

FORM = '{"classes": [{"name": "road", "colour": [128, 64, 128]}, ...], "ignore": 255}'
"""What the file looks like, for messages."""

SIMILAR = 0.82
"""From this likeness on, 0 to 1, a field's name is taken for a misspelt one: "color", "mask"; "uid" is no "id"."""

MINUS_ONE = (255, 65535)
"""What -1 becomes in files of 8 and of 16 bits without a sign."""


def read_classes(path: Path) -> Classes:
    """Reads a classes.json.

    Raises:
        DataError: it cannot be read, or a field is missing or of the wrong kind.
    """
    data = read_json(path, error=DataError, unreadable="check its permissions", damaged="correct it")
    where = str(path)
    if type(data) is not dict:
        raise DataError(f"{where} is {data!r:.80}; write {FORM}")
    _check_spelling(data, ("classes", "ignore", "ignore_colour", "masks"), where)
    if "classes" not in data:
        raise DataError(f"{where} has no field 'classes'; write {FORM}")
    names = [each for each in required(data, "classes", list, where=where, error=DataError) if isinstance(each, str)]
    if names:
        entry = json.dumps({"name": names[0][:80], "colour": [128, 64, 128]}, ensure_ascii=False)
        raise DataError(f"{where} gives no colour for class {names[0]!r:.80}; write classes as objects, as {entry}")
    entries = list_of(data, "classes", dict, where=where, error=DataError)
    for index, each in enumerate(entries):
        _check_spelling(each, ("name", "colour", "id"), f"{where}: class {index}")
    colour = optional(data, "ignore_colour", list, where=where, error=DataError) if "ignore_colour" in data else None
    reading = optional(data, "masks", str, where=where, error=DataError) if "masks" in data else None
    if reading is not None and reading not in get_args(Reading):
        raise DataError(f'{where} has "masks": "{reading:.40}", expected "ids" or "colours"')
    ids, ignore = _numbering(data, entries, where)
    return Classes(
        names=tuple(required(each, "name", str, where=where, error=DataError) for each in entries),
        palette=tuple(_colour(required(each, "colour", list, where=where, error=DataError), where) for each in entries),
        ignore=ignore,
        ignore_colour=None if colour is None else _colour(colour, where),
        ids=ids,
        reading=cast("Reading | None", reading),
    )


def _check_spelling(entry: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuses a field that is almost one that is not there, as "mask" for "masks"; others are remarks."""
    for field in sorted(entry.keys() - {*known}):
        meant = difflib.get_close_matches(field.lower(), known, 1, SIMILAR)
        if meant and meant[0] not in entry:
            raise DataError(f'{where} has the field "{field:.40}", which is not read, expected "{meant[0]}"; rename it')


def _numbering(data: Any, entries: list[Any], where: str) -> tuple[dict[int, int] | None, int | None]:
    """What the ids in files mean, where classes.json says so, and the ignore id of labels."""
    numbered = any("id" in each for each in entries)
    if not numbered and "ignore" not in data:
        optional(data, "ignore", int, where=where, error=DataError)  # says that it is missing
    ignored = data.get("ignore")
    if not numbered and (ignored is None or (type(ignored) is int and 0 <= ignored <= VOID)):
        return None, ignored
    pairs = []
    for index, each in enumerate(entries):
        if numbered and "id" not in each:
            raise DataError(f'{where}: class {index} has no "id", and others have; give every class one, or none')
        own = _id_list(each["id"], f"{where}: id of class {index}") if numbered else [index]
        pairs += [(number, index) for number in own]
    if ignored is not None:
        pairs += [(each, VOID) for each in _void_ids(ignored, f"{where}: ignore", {number for number, _ in pairs})]
    uses = Counter(number for number, _ in pairs)
    twice = next((number for number, times in uses.items() if times > 1), None)
    if twice is not None:
        raise DataError(f"{where} gives the id {twice} two meanings; each id stands for one class, or is ignored")
    places = all(number == index for number, index in pairs)
    return None if places else dict(pairs), VOID if ignored is not None else None


def _void_ids(value: Any, where: str, classes: set[int]) -> list[int]:
    """The ids that are ignored; -1 is what files without a sign hold in its place, where no class has that id."""
    numbers = value if isinstance(value, list) else [value]
    if -1 not in numbers:
        return _id_list(value, where)
    rest = [each for each in numbers if each != -1]
    return [*(_id_list(rest, where) if rest else []), *({*MINUS_ONE} - classes - {*map(int, rest)})]


def _id_list(value: Any, where: str) -> list[int]:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or any(type(each) is not int or not 0 <= each < 1 << 16 for each in numbers):
        raise DataError(f"{where} is {value!r:.80}, expected an integer from 0 to 65535, or a list of them")
    return numbers


def _colour(levels: list[Any], where: str) -> Colour:
    if len(levels) != 3 or any(type(level) is not int or not 0 <= level <= 255 for level in levels):
        raise DataError(f"{where} has the colour {levels!r:.80}, expected three integers from 0 to 255")
    red, green, blue = levels
    return red, green, blue
