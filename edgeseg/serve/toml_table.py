"""A TOML file that is read strictly: each value is of the right kind and range, or an error names its line."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from edgeseg.errors import EdgeSegError, UsageError
from edgeseg.files import read_file
from edgeseg.redact import URL, redact
from edgeseg.serve.toml_lines import Place, line_of, lines_of
from edgeseg.video.names import check_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Default = TypeVar("_Default")

LARGEST = 2**20
"""Bytes of a file."""

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
"""Of sizes, in bytes."""

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?(B|kB|MB|GB|TB)")
_KINDS: dict[type, str] = {str: "a text in quotes", bool: "true or false", dict: "a table", list: "a list"}


class Table:
    """One table of a file. What is asked for is known, and `finish` refuses the rest.

    Attributes:
        folder: of the file, absolute; paths in the file are relative to it.
    """

    def __init__(
        self,
        data: dict[str, Any],
        place: Place,
        path: Path,
        lines: dict[Place, int],
        first: list[str] | None = None,
    ) -> None:
        """A table of a file that was read; `read_toml` gives the first one, whose known keys others have as `first`."""
        self.folder = path.absolute().parent
        self._data = data
        self._place = place
        self._path = path
        self._lines = lines
        self._known: list[str] = []
        self._first = self._known if first is None else first

    def __contains__(self, key: str) -> bool:
        """Whether the key is there."""
        self._know(key)
        return key in self._data

    def keys(self) -> list[str]:
        """Names in a table whose keys are the user's own."""
        self._known += self._data
        return list(self._data)

    def text(self, key: str, default: _Default) -> str | _Default:
        """A line of printable text."""
        if key not in self:
            return default
        value: str = self._of_kind(key, str)
        if not value.strip() or not value.isprintable():
            raise self.error(f"is {value!r:.80}, expected a line of printable text", key)
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: _Default) -> str | _Default:
        """One of some words."""
        value = self.text(key, default)
        if key in self and value not in choices:
            raise self.error(f"is {value!r:.80}, expected one of {', '.join(choices)}", key)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return bool(self._of_kind(key, bool)) if key in self else default

    def number(self, key: str, default: _Default, *, low: float, high: float, unit: str = "") -> float | _Default:
        """A number from `low` to `high`; `unit` is a word for messages, " seconds"."""
        if key not in self:
            return default
        value = self._data[key]
        if type(value) not in (int, float) or not low <= value <= high:  # nor is nan
            raise self.error(f"is {_shown(value)}, expected {low:g} to {high:g}{unit}", key)
        return float(value)

    def integer(self, key: str, default: _Default, *, low: int, high: int) -> int | _Default:
        """A whole number from `low` to `high`."""
        if key not in self:
            return default
        value = self._data[key]
        if type(value) is not int or not low <= value <= high:
            raise self.error(f"is {_shown(value)}, expected a whole number, {low} to {high}", key)
        return value

    def size(self, key: str, default: _Default) -> int | _Default:
        """Bytes: a whole number, or a text such as "50 GB"."""
        if key not in self:
            return default
        value = self._data[key]
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        number = int(float(match[1]) * UNITS[match[2]]) if match else value
        if type(number) is not int or not 0 < number < 2**63:
            raise self.error(f'is {_shown(value)}, expected a size such as "50 GB" (kB, MB, GB, TB)', key)
        return number

    def path(self, key: str, default: _Default) -> Path | _Default:
        """A path, absolute; `~` is home."""
        text = self.text(key, None)
        if text is None:
            return default
        if URL.match(text):  # pathlib would make a folder "s3:" of it
            raise self.error("is a URL, expected a path on this machine", key)
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError as error:  # ~nobody
            raise self.error(f"is {text!r:.80}, and this system knows no such home; write the path out", key) from error

    def file(self, key: str, *, secret: bool = False) -> Path | None:
        """The path of a file that is there; where it is to hold a secret, what was given may be the secret itself."""
        path = self.path(key, None)
        with self.at(key):
            there = path is None or path.is_file()
        if not there:
            named = "names a file, and there is no such file" if secret else f"is {path}, and there is no such file"
            raise self.error(f"{named}; check the path", key)
        return path

    def writable_folder(self, key: str) -> Path:
        """The path of a folder that is there, in which files can be made."""
        folder = self.path(key, self.folder)
        with self.at(key):
            check_folder(folder)
        return folder

    def is_integer(self, key: str) -> bool:
        """Whether a whole number is there, and not a text."""
        return type(self._data.get(key)) is int

    def is_table(self, key: str) -> bool:
        """Whether a table is there."""
        return type(self._data.get(key)) is dict

    def table(self, key: str) -> Table | None:
        """A table in this one; None where it is not there."""
        return self.inner(key) if key in self else None

    def inner(self, key: str) -> Table:
        """A table in this one, which is there."""
        self._know(key)
        return self._within(self._of_kind(key, dict), key)

    def tables(self, key: str) -> list[Table]:
        """A list of tables, [[key]]; empty where it is not there."""
        items: list[Any] = self._of_kind(key, list) if key in self else []
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise self.error(f"is {_shown(item)}, expected a table", key, number)
        return [self._within(item, key, at) for at, item in enumerate(items)]

    def _within(self, data: dict[str, Any], *place: str | int) -> Table:
        return Table(data, (*self._place, *place), self._path, self._lines, self._first)

    def values(self, key: str) -> list[Any]:
        """A list of anything."""
        self._know(key)
        items: list[Any] = self._of_kind(key, list)
        return items

    def need(self, key: str, what: str) -> None:
        """Raises unless the key is there; `what` it is for, as the end of a sentence."""
        if key not in self:
            raise self.error(f"has no {key}: {what}")

    def finish(self) -> None:
        """Raises for a key that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                like = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean {like[0]}?" if like else f"expected {', '.join(self._known)}"
                if key in self._first:  # TOML has no way back from a table
                    hint = f"{key} is for all: write it above the first [table]"
                raise self.error(f"is no setting; {hint}", key)

    @contextmanager
    def at(self, *keys: str | int) -> Iterator[None]:
        """What is wrong within the block is wrong at that place."""
        try:
            yield
        except (EdgeSegError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise self._error(f"{_name((*self._place, *keys))}: {reason}", *keys) from error

    def error(self, sentence: str, *keys: str | int) -> UsageError:
        """What is wrong with a value, whose name begins the sentence."""
        return self._error(f"{_name((*self._place, *keys)) or 'the file'} {sentence}", *keys)

    def _error(self, sentence: str, *keys: str | int) -> UsageError:
        return UsageError(f"{self._path}, line {line_of(self._lines, (*self._place, *keys))}: {sentence}")

    def _know(self, key: str) -> None:
        if key not in self._known:
            self._known.append(key)

    def _of_kind(self, key: str, kind: type) -> Any:
        value = self._data[key]
        if type(value) is not kind:
            raise self.error(f"is {_shown(value)}, expected {_KINDS[kind]}", key)
        return value


def read_toml(path: Path) -> Table:
    """The whole file.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    try:
        content = read_file(path, LARGEST)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', error)}; check the path") from error
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")  # editors of Windows begin it with a mark
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}, line {line}: it is not UTF-8 text; save it as UTF-8") from error
    try:
        return Table(tomllib.loads(text), (), path, lines_of(text))
    except RecursionError as error:
        raise UsageError(f"{path}, line 1: it is nested too deeply; write it flatter") from error
    except ValueError as error:
        raise _no_toml(path, text, str(error)) from error


def _no_toml(path: Path, text: str, message: str) -> UsageError:
    """What tomllib says, with the line in front."""
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message, re.DOTALL)
    line = int(match[2]) if match and match[2] else text.rstrip("\n").count("\n") + 1
    sentence = " ".join((match[1] if match else message).split())[:200]
    if twice := re.fullmatch(r"Can ?not declare \('cameras', '(.+)'\) twice", sentence):
        return UsageError(f"{path}, line {line}: two cameras are called {twice[1]}; give each a name of its own")
    return UsageError(f"{path}, line {line}: this is no TOML: {sentence}; correct it there or just before")


def _name(place: Place) -> str:
    """As it is written: cameras.gate.rules[0]."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")


def _shown(value: Any) -> str:
    """A value in a message; what may be a password is not shown at length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f"{redact(value)!r:.80}" if isinstance(value, str) else f"{value!r:.80}"
