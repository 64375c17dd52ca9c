"""What a word of the command line may be, whichever option it belongs to, and the sentence about one that is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import cyclopts

from edgeseg.errors import UsageError
from edgeseg.redact import URL, redact

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


def sentence(error: cyclopts.CycloptsError) -> str:
    """What was wrong with the words, with arguments that have no dashes named as the help names them: SOURCE."""
    text = " ".join(str(error).split())
    if isinstance(error, cyclopts.UnusedCliTokensError) and error.unused_tokens:
        first, *others = error.unused_tokens
        return f'Unexpected argument "{first}"{f" and {len(others)} more" if others else ""}.'
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
