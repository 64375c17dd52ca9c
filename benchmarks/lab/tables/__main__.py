"""The tables of README.md and docs/, made from benchmarks/results/*.json: `python -m lab.tables [PAGE...] [--check]`.

A table stands between two comments, which Markdown does not show:

    <!-- table: stream -->
    <!-- /table -->

What lies between them is never written by hand. A new table is one function, named in `tables`.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeseg.atomic import write_text
from edgeseg.errors import DataError, UsageError
from edgeseg_bench.script import run_script
from lab.tables.rows import TABLES

RESULTS = Path("benchmarks/results")

_START = re.compile(r"^<!-- table: (.*?) -->\n", re.MULTILINE)
_END = re.compile(r"^<!-- /table -->$", re.MULTILINE)


def main(*pages: Path, check: bool = False, results: Path = RESULTS) -> int:
    """Write the tables of Markdown pages anew from measured results. Run it in the repository's root.

    Args:
        pages: Markdown files; without any, README.md and each page of docs/ that has a table.
        check: write nothing; exit code 1 if a table is not what the results say.
        results: a folder of JSON files.
    """
    texts = {page: _read(page) for page in pages or pages_with_tables(Path())}
    rewritten = {page: with_tables(text, results) for page, text in texts.items()}  # all of them before any is written
    stale = [page for page, text in rewritten.items() if text != texts[page]]
    for page in stale:
        if check:
            print(f"{page} is stale: its tables are not those of {results}; run python -m lab.tables")
            continue
        write_text(page, rewritten[page])
    return 1 if check and stale else 0


def pages_with_tables(root: Path) -> list[Path]:
    """README.md, and the pages of docs/ that have a table, in the repository at `root`."""
    docs = sorted((root / "docs").rglob("*.md"))
    return [root / "README.md", *(page for page in docs if _START.search(_read(page)))]


def with_tables(text: str, results: Path) -> str:
    """`text` with each table as the results in a folder say.

    Raises:
        UsageError: a marker names no table, or has no end.
        DataError: the results of a table are missing, or lack a figure.
    """
    parts, at = [], 0
    while (start := _START.search(text, at)) is not None:
        name = start[1]
        if name not in TABLES:
            raise UsageError(f"the marker names the table {name!r}, expected one of {', '.join(TABLES)}")
        end = _END.search(text, start.end())
        following = _START.search(text, start.end())
        if end is None or (following is not None and following.start() < end.start()):
            raise UsageError(f"the table {name} has no end; put <!-- /table --> on a line of its own behind it")
        parts += [text[at : start.end()], _table(name, results)]
        at = end.start()
    return "".join([*parts, text[at:]])


def _table(name: str, results: Path) -> str:
    """The table with one line break at its end."""
    try:
        return TABLES[name](results).strip("\n") + "\n"
    except (KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"the results in {results} lack what the table {name} shows ({error!r}); expected the layout that "
            f"lab.tables.rows.{name} describes: measure again"
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; run this in the repository's root") from error


if __name__ == "__main__":
    run_script(main, "python -m lab.tables")
