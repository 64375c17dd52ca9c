"""Passphrases of private keys: from $EDGESEG_PASSPHRASE, for scripts, or from the terminal, unseen."""

from __future__ import annotations

import getpass
import os
import sys

from edgeseg.errors import UsageError

VARIABLE = "EDGESEG_PASSPHRASE"

LONGEST = 1023
"""Bytes, as OpenSSL takes them."""


def passphrase() -> str:
    """The passphrase of a key that is there.

    Raises:
        UsageError: no variable says it, and there is no terminal to ask at; or no key can have it.
    """
    return _usable(os.environ.get(VARIABLE) or _ask("passphrase of the key: "))


def new_passphrase(*, ask: bool) -> str | None:
    """The passphrase for a new key; None where it gets none.

    Args:
        ask: ask for one where no variable says it.

    Raises:
        UsageError: it was typed differently the second time, is empty, no key can have it, or there is no terminal to
            ask at.
    """
    given = os.environ.get(VARIABLE)
    if given or not ask:
        return _usable(given) if given else None
    first = _ask("passphrase for the new key: ")
    if not first:
        raise UsageError("the passphrase is empty; leave --passphrase out for a key without one")
    if _ask("the same again: ") != first:
        raise UsageError("the two passphrases differ; begin again")
    return _usable(first)


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"the key needs a passphrase, and there is no terminal to ask at; set {VARIABLE}")
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise UsageError(f"the key needs a passphrase, and none was typed; begin again, or set {VARIABLE}") from error


def _usable(text: str) -> str:
    """The passphrase itself, which is not shown."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise UsageError("the passphrase is no UTF-8 text; take another") from error
    if length > LONGEST:
        raise UsageError(f"the passphrase has {length} bytes, expected at most {LONGEST}; take a shorter one")
    return text
