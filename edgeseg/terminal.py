"""Sentences on stderr."""

from __future__ import annotations

from edgeseg.redact import redact_arguments


def complain(sentence: str) -> None:
    """Prints what made a command fail."""
    _print("error", "red", sentence)


def warn(sentence: str) -> None:
    """Prints what did not go as it should, and did not end the work."""
    _print("warning", "yellow", sentence)


def _print(kind: str, colour: str, sentence: str) -> None:
    from rich.console import Console  # here, so that importing this module stays light

    console = Console(stderr=True)
    console.print(f"[{colour}]{kind}:[/]", end=" ")
    console.print(redact_arguments(sentence), markup=False, highlight=False, soft_wrap=True)
