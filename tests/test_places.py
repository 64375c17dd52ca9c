"""Where settings and state lie, whatever the environment says."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from edgeseg import places
from edgeseg.errors import UsageError


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("EDGESEG_STATE", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", "/home/me")


def test_below_home() -> None:
    assert places.config_folder() == Path("/home/me/.config/edgeseg")
    assert places.state_folder() == Path("/home/me/.local/state/edgeseg")


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert (places.config_folder(), places.state_folder()) == (Path("/c/edgeseg"), Path("/s/edgeseg"))
    monkeypatch.setenv("EDGESEG_STATE", "mine")
    assert places.state_folder() == Path.cwd() / "mine"


@pytest.mark.parametrize("value", ["", "relative"])
def test_what_is_empty_or_relative_counts_as_not_set(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    monkeypatch.setenv("XDG_STATE_HOME", value)
    test_below_home()
    monkeypatch.setenv("HOME", value)
    assert places.home() == Path(pwd.getpwuid(os.getuid()).pw_dir)


def test_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "home", lambda: None)
    assert places.config_folder() is None
    with pytest.raises(UsageError, match="set EDGESEG_STATE"):
        places.state_folder()
