"""Thresholds in percent: one that is always or never met is refused before any work."""

from __future__ import annotations

import sys

import pytest

from edgeseg import cli


@pytest.mark.parametrize("value", ["-1", "101", "1e38"])
@pytest.mark.parametrize("line", ["verify ./mine --data x.mp4 --max-drop", "sensitivity ./mine --data x.mp4 --slower"])
def test_what_is_no_percentage_is_refused(
    line: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edgeseg", *line.split(), value])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert f"{line.split()[-1]} is {float(value):g}, expected 0 to 100, in percent" in capsys.readouterr().err
