"""What a terminal is shown. Text from files, URLs and command lines is data: no markup, no escape sequences.

Names in a bundle, a path or a server's answer may hold anything, also what clears a terminal or writes into its title.
Whatever is not printable is shown as Python writes it, "\\x1b".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.redact import redact_arguments

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def escaped(text: str, keep: str = "") -> str:
    """The text with every character that is not printable written out, but for those in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode("ascii") for each in text
    )


def shown_name(path: Path) -> str:
    """What a folder or file is called for people: the last part of its path, of "." that of the folder it is."""
    return escaped(path.resolve().name) or "data"


def make_console(*, stderr: bool = False) -> Console:
    """A rich console for tables and sentences, to which text is data."""
    from rich.console import Console  # here, so that importing this module stays light
    from rich.segment import Segment

    class Plain(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control or segment.text.isprintable():
                    yield segment
                else:
                    yield Segment(escaped(segment.text, keep="\n"), segment.style)

        def on_broken_pipe(self) -> None:
            raise  # the BrokenPipeError, of which edgeseg.cli makes an exit code

    return Plain(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_report(table: RenderableType, warnings: Iterable[str]) -> None:
    """Prints a report's table on stdout, and on stderr what was not as it should be."""
    make_console().print(table)
    for warning in warnings:
        warn(warning)


def complain(sentence: str) -> None:
    """Prints what made a command fail."""
    _print("error", "red", sentence)


def warn(sentence: str) -> None:
    """Prints what did not go as it should, and did not end the work."""
    _print("warning", "yellow", sentence)


def _print(kind: str, colour: str, sentence: str) -> None:
    console = make_console(stderr=True)
    try:
        console.print(f"{kind}:", style=colour, end=" ")
        console.print(escaped(redact_arguments(sentence)), soft_wrap=True)
    except OSError:  # nobody can read it; the exit code says it all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
