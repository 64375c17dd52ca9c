from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from edgeseg.errors import UsageError
from edgeseg.limits import MEMORY, SECONDS, attempt, model_limits

CHILD = "child_of_test_limits"


@pytest.fixture(autouse=True)
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that a child process runs, with limits that are soon reached."""
    (tmp_path / f"{CHILD}.py").write_text(
        """
import os, signal, sys, time
how, content = sys.argv[1], sys.stdin.buffer.read()
if how == "eat":
    eaten = []
    while True:
        eaten.append(b"x" * 2**24)
elif how == "sleep":
    time.sleep(600)
elif how == "die":
    os.kill(os.getpid(), signal.SIGSEGV)
elif how == "check":
    assert content == b"content"
    open(sys.argv[2], "wb").write(content)
sys.exit(how == "fail")
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(MEMORY, "200")
    monkeypatch.setenv(SECONDS, "60")


def test_who_keeps_the_limits_may_end_as_he_likes(tmp_path: Path) -> None:
    assert attempt(CHILD, "check", str(tmp_path / "out"), content=b"content") is None
    assert (tmp_path / "out").read_bytes() == b"content"
    assert attempt(CHILD, "fail") is None


def test_memory_time_and_crashes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs more than 200 MiB of memory; if you trust it, set EDGESEG_MODEL_MEMORY" in str(attempt(CHILD, "eat"))
    assert "dies of it (SIGSEGV)" in str(attempt(CHILD, "die"))
    monkeypatch.setenv(SECONDS, "1")
    started = time.monotonic()
    assert "takes more than 1 seconds; if you trust it, set EDGESEG_MODEL_SECONDS" in str(attempt(CHILD, "sleep"))
    assert time.monotonic() - started < 60


def test_the_working_directory_gives_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("runpy", CHILD):
        (tmp_path / f"elsewhere/{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "" not in sys.path
    assert attempt(CHILD, "check", str(tmp_path / "out"), content=b"content") is None
    assert (tmp_path / "out").exists()
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("variable", [MEMORY, SECONDS])
def test_the_user_decides(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "0")
    assert model_limits() is None
    assert attempt(CHILD, "sleep") is None
    monkeypatch.setenv(variable, "")
    assert model_limits() is not None
    for text in ("-1", "1.5", "many", "9" * 10, "²"):
        monkeypatch.setenv(variable, text)
        with pytest.raises(UsageError, match=f"{variable} is"):
            model_limits()


def test_limits_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MEMORY)
    monkeypatch.delenv(SECONDS)
    limits = model_limits()
    assert limits is not None
    assert 0 < limits[0] <= 4096 * 2**20
    assert limits[1] == 120
