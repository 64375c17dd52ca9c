"""Passphrases of private keys: from $EDGESEG_PASSPHRASE, for scripts, or from the terminal, unseen."""

from __future__ import annotations

import getpass
import os
import sys

from edgeseg.errors import UsageError

VARIABLE = "EDGESEG_PASSPHRASE"


def passphrase() -> str:
    """The passphrase of a key that is there.

    Raises:
        UsageError: no variable says it, and there is no terminal to ask at.
    """
    return os.environ.get(VARIABLE) or _ask("passphrase of the key: ")


def new_passphrase(*, ask: bool) -> str | None:
    """The passphrase for a new key; None where it gets none.

    Args:
        ask: ask for one where no variable says it.

    Raises:
        UsageError: it was typed differently the second time, is empty, or there is no terminal to ask at.
    """
    given = os.environ.get(VARIABLE)
    if given or not ask:
        return given or None
    first = _ask("passphrase for the new key: ")
    if not first:
        raise UsageError("the passphrase is empty; leave --passphrase out for a key without one")
    if _ask("the same again: ") != first:
        raise UsageError("the two passphrases differ; begin again")
    return first


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"the key needs a passphrase, and there is no terminal to ask at; set {VARIABLE}")
    return getpass.getpass(prompt)
