from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from edgeseg.terminal import complain, escaped, make_console, shown_name

HOSTILE = "[red]\x1b]0;PWNED\x07\x1b[2J\u202e\udcff[/nope]"


@given(text=st.text(st.characters()))
def test_escaped_text_is_printable_and_encodable(text: str) -> None:
    output = escaped(text)
    assert output.isprintable()
    output.encode()
    assert output == text or not text.isprintable()
    assert escaped(text, keep="\n").count("\n") == text.count("\n")


def test_a_console_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(Text(HOSTILE))
    console = make_console()
    console.print(table, soft_wrap=True)
    console.print(HOSTILE, soft_wrap=True)
    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert printed.count("PWNED") == 4
    assert printed.count("[red]\\x1b]0;PWNED") == 4


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain(f"cannot read a\nb{HOSTILE}")
    printed = capsys.readouterr().err
    assert printed.startswith("error: cannot read a\\nb[red]\\x1b]0;")
    assert printed.count("\n") == 1


def test_a_folder_has_a_name_however_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings and what is written into bundles had called the folder "." nothing."""
    (tmp_path / "streets" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "streets")
    assert {shown_name(Path(each)) for each in (".", "a/..", "../streets", str(Path.cwd()))} == {"streets"}
    assert shown_name(Path("/")) == "data"
    assert shown_name(Path(os.fsdecode(b"Stra\xdfe"))) == "Stra\\udcdfe"
