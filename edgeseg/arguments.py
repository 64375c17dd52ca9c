"""What a word of the command line may be, whichever option it belongs to, and the sentence about one that is wrong."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import cyclopts

from edgeseg.errors import UsageError
from edgeseg.redact import URL, redact

LIKE = 0.7
"""From this likeness on, 0 to 1, a word is taken for a misspelt one."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def convert(kind: Any, tokens: Sequence[cyclopts.Token]) -> Any:
    """Converts words as cyclopts does, which alone would round 1.5, and take "nan", an empty path, and a URL as a path.

    Raises:
        ValueError: a whole number is none, a number is not finite, a text or path is empty, or a path is a URL and
            no text may stand there.
    """
    kinds = {kind, *get_args(kind)}
    for token in tokens:
        word = token.value
        if Path in kinds and str not in kinds and URL.match(word):  # pathlib would make a folder "s3:" of it
            raise ValueError(f'"{redact(word)}" is a URL, expected a path on this machine.')
        if int in kinds and not _WHOLE.fullmatch(word):
            raise ValueError(f'"{word}" is not a whole number.')
        if not word.strip() and {str, Path} & kinds:
            raise ValueError("it is empty.")
    value = cyclopts.convert(kind, tokens)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number.")
    return value


def check_percent(value: float, option: str, *, small: bool = False) -> None:
    """Refuses a threshold that is no percentage.

    A fraction, as 0.9 for 90, would be a threshold that is always met, unless it may be `small`.

    Raises:
        UsageError: it is not from 0 to 100, or a fraction.
    """
    if not 0 <= value <= 100:
        raise UsageError(f"{option} is {value:g}, expected 0 to 100, in percent")
    if 0 < value <= 1 and not small:
        raise UsageError(f"{option} is {value:g}, expected percent; for that fraction write {100 * value:g}")


def check_inner(app: cyclopts.App, words: Sequence[str]) -> None:
    """Refuses `bench compar`, a command's misspelt command, where that command would take it for its own argument.

    Raises:
        UsageError: the second word is almost such a command.
    """
    if len(words) < 2 or words[0] not in app or words[1] in (inner := app[words[0]]) or inner.default_command is None:
        return
    meant = _like(words[1], (name for name in inner if not name.startswith("-")))
    if meant and not words[1].startswith(("-", ".", "/")):
        raise UsageError(f'{words[0]} has no command "{words[1]}"; did you mean "{meant}"?')


def _like(word: str, names: Iterable[str]) -> str | None:
    """The command or option that a word is almost, with dashes or without: "--version" for "verson"."""
    bare = {name.lstrip("-"): name for name in names}
    likeliest = difflib.get_close_matches(word.lstrip("-"), bare, 1, LIKE)
    return bare[likeliest[0]] if likeliest else None


def sentence(error: cyclopts.CycloptsError) -> str:
    """What was wrong with the words, with arguments that have no dashes named as the help names them: SOURCE."""
    text = " ".join(str(error).split())
    if isinstance(error, cyclopts.UnusedCliTokensError) and error.unused_tokens:
        first, *others = error.unused_tokens
        return f'Unexpected argument "{first}"{f" and {len(others)} more" if others else ""}.'
    if isinstance(error, cyclopts.UnknownCommandError) and error.unused_tokens and error.app:
        word, meant = error.unused_tokens[0], _like(error.unused_tokens[0], error.app)
        commands = ", ".join(name for name in error.app if not name.startswith("-"))
        hint = f' Did you mean "{meant}"?' if meant else ""
        return f'There is no {"option" if word.startswith("-") else "command"} "{word}".{hint} Commands: {commands}.'
    if isinstance(error, cyclopts.UnknownOptionError) and _like(error.token.keyword or error.token.value, ["--help"]):
        return f"Unknown option: {error.token.keyword or error.token.value}. Did you mean --help?"
    if (argument := error.argument) is None:
        return text
    name = argument.name if argument.index is None else argument.name.lstrip("-").upper()
    if isinstance(error, cyclopts.MissingArgumentError):
        _, missing, suggestion = text.partition(" requires an argument.")
        if missing:
            return f"{error.keyword} needs a value.{suggestion}" if error.keyword else f"{name} is missing.{suggestion}"
    if isinstance(error, cyclopts.CoercionError) and error.msg and error.token and error.token.keyword is None:
        return f"Invalid value for {name}: {text}"
    return text
