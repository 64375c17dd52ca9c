"""The README's tables, made from benchmarks/results/*.json: `python -m lab.tables [--check]`.

A table stands between two comments, which Markdown does not show:

    <!-- table: stream -->
    <!-- /table -->

What lies between them is never written by hand. A new table is one function, named in `tables`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cyclopts

from edgeseg.atomic import atomic_file
from edgeseg.errors import DataError, EdgeSegError, UsageError
from lab.tables.rows import TABLES

README = Path("README.md")
RESULTS = Path("benchmarks/results")

_START = re.compile(r"^<!-- table: (.*?) -->\n", re.MULTILINE)
_END = re.compile(r"^<!-- /table -->$", re.MULTILINE)


def main(*, check: bool = False, readme: Path = README, results: Path = RESULTS) -> int:
    """Write the tables of a README anew from measured results. Run it in the repository's root.

    Args:
        check: write nothing; exit code 1 if a table is not what the results say.
        readme: a Markdown file.
        results: a folder of JSON files.
    """
    written = _read(readme)
    fresh = with_tables(written, results)
    if fresh == written:
        return 0
    if check:
        print(f"{readme} is stale: its tables are not those of {results}; run python -m lab.tables")
        return 1
    with atomic_file(readme) as temporary:
        temporary.write_text(fresh, encoding="utf-8")
    return 0


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
    try:
        sys.exit(cyclopts.run(main, result_action="return_value"))
    except EdgeSegError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
