"""The pages with tables are what the results say; markers and results that do not fit are refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import DataError, UsageError
from lab.peers.environment import LABORATORY
from lab.tables.__main__ import pages_with_tables, with_tables
from lab.tables.rows import TABLES
from tests.benchmarks.lab.conftest import ZOO

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("page", pages_with_tables(ROOT), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_page_is_what_the_results_say(page: Path) -> None:
    text = page.read_text()
    assert with_tables(text, ROOT / "benchmarks/results") == text, "stale: run python -m lab.tables"


def test_the_tables_are_shown_somewhere() -> None:
    text = "".join(page.read_text() for page in pages_with_tables(ROOT))
    shown = set(re.findall("<!-- table: (.*) -->", text))
    assert shown >= {"accuracy", "stream", "kernels", "precision", "peers", "zoo", "speed"}


around = st.text(st.characters(exclude_categories=["C"], exclude_characters="<")).map(lambda text: f"{text}\n")


@given(around, around, around)
def test_only_what_lies_between_markers_changes(
    tmp_path_factory: pytest.TempPathFactory, before: str, stale: str, after: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "zoo"
    folder.mkdir(exist_ok=True)
    (folder / "zoo.json").write_text(json.dumps(ZOO))
    fresh = with_tables(f"{before}<!-- table: zoo -->\n{stale}<!-- /table -->\n{after}", folder)
    zoo = TABLES["zoo"](folder)
    expected = f"{before}<!-- table: zoo -->\n{zoo}\n<!-- /table -->\n{after}"
    assert fresh == expected
    assert with_tables(fresh, folder) == fresh


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- table: sonata -->\n<!-- /table -->\n", "the table 'sonata', expected one of costs"),
        ("<!-- table: zoo -->\n", "has no end"),
        ("<!-- table: zoo -->\n<!-- table: peers -->\n<!-- /table -->\n", "the table zoo has no end"),
    ],
)
def test_markers_that_do_not_fit_are_refused(text: str, said: str, results: Path) -> None:
    with pytest.raises(UsageError, match=said):
        with_tables(text, results)


def test_results_that_are_missing_or_damaged_are_refused(results: Path) -> None:
    text = "<!-- table: zoo -->\n<!-- /table -->\n"
    for damaged, said in (('{"networks": []}', "lack what the table zoo shows"), ("{", "cannot read")):
        (results / "zoo.json").write_text(damaged)
        with pytest.raises(DataError, match=said):
            with_tables(text, results)
    (results / "zoo.json").unlink()
    with pytest.raises(DataError, match=r"there is no .*zoo\.json"):
        with_tables(text, results)


def test_check_tells_and_the_command_writes(results: Path) -> None:
    page = results / "README.md"
    page.write_text("<!-- table: zoo -->\nold\n<!-- /table -->\n")

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "lab.tables", "--results", str(results), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=LABORATORY)
        return result.returncode, result.stdout + result.stderr

    second = results / "second.md"
    second.write_text(page.read_text())
    code, said = run("--check", str(page), str(second))
    assert code == 1
    assert said.count("is stale") == 2
    assert "old" in page.read_text()
    assert run(str(page), str(second)) == (0, "")
    assert "| unet, width 0.25 |" in page.read_text()
    assert second.read_text() == page.read_text()
    assert run("--check", str(page), str(second)) == (0, "")
    code, said = run(str(results / "missing.md"))
    assert code == 2
    assert said.startswith("error: cannot read")


def test_without_pages_the_readme_and_the_pages_with_tables_are_meant(tmp_path: Path) -> None:
    for page in ("README.md", "docs/results.md", "docs/guide/zoo.md"):
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text("<!-- table: zoo -->\n<!-- /table -->\n")
    (tmp_path / "docs/quick-start.md").write_text("no table\n")
    pages = [str(page.relative_to(tmp_path)) for page in pages_with_tables(tmp_path)]
    assert pages == ["README.md", "docs/guide/zoo.md", "docs/results.md"]
