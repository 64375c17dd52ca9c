"""Passphrases from the environment and from the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.errors import UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.passphrase import VARIABLE, new_passphrase, passphrase


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`typed(...)`: what is typed at the terminal, one after the other."""

    def type_in(*lines: str) -> None:
        left: Iterator[str] = iter(lines)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr("getpass.getpass", lambda _: next(left))

    return type_in


def test_the_environment_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "open sesame")
    assert passphrase() == "open sesame"
    assert new_passphrase(ask=True) == new_passphrase(ask=False) == "open sesame"


def test_without_it_the_terminal(typed: Callable[..., None]) -> None:
    typed("open sesame")
    assert passphrase() == "open sesame"
    assert new_passphrase(ask=False) is None
    typed("one", "one")
    assert new_passphrase(ask=True) == "one"
    typed("one", "two")
    with pytest.raises(UsageError, match="differ"):
        new_passphrase(ask=True)
    typed("")
    with pytest.raises(UsageError, match="is empty"):
        new_passphrase(ask=True)


@pytest.mark.parametrize(("secret", "reason"), [("x" * 1024, "1024 bytes, expected at most 1023"), ("\udcff", "UTF-8")])
def test_what_no_key_can_have_is_refused(
    secret: str, reason: str, typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(secret, secret)
    with pytest.raises(UsageError, match=reason):
        new_passphrase(ask=True)
    monkeypatch.setenv(VARIABLE, secret)
    with pytest.raises(UsageError, match=reason):
        new_passphrase(ask=False)
    with pytest.raises(UsageError, match=reason):
        passphrase()


def test_an_end_of_input_is_no_passphrase(typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_: str) -> str:
        raise EOFError

    typed()
    monkeypatch.setattr("getpass.getpass", end)
    with pytest.raises(UsageError, match="none was typed"):
        passphrase()


def test_without_a_terminal_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(UsageError, match=f"set {VARIABLE}"):
        passphrase()
    with pytest.raises(UsageError, match=f"set {VARIABLE}"):
        new_passphrase(ask=True)
    pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")
    write_keys(tmp_path / "acme", "open sesame")
    with pytest.raises(UsageError, match=f"set {VARIABLE}"):
        read_private_key(tmp_path / "acme.key", passphrase)
