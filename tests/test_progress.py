from __future__ import annotations

import pytest

from edgeseg.progress import progress_bar


def count(*, quiet: bool = False) -> None:
    with progress_bar("frames", total=7, quiet=quiet, transient=False) as progress:
        for done in range(6):
            progress(done)
        progress(6, 8, note="9.5 fps")


def test_the_bar_counts_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    count()
    out, err = capsys.readouterr()
    assert out == ""
    for part in ("frames", "6/8", "9.5 fps"):
        assert part in err


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True)])
def test_elsewhere_nothing_is_drawn(
    terminal: bool, quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    else:
        monkeypatch.delenv("FORCE_COLOR", raising=False)
    count(quiet=quiet)
    assert capsys.readouterr() == ("", "")
