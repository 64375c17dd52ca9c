"""What texts advise can be typed: each command, option and extra that messages, helps and pages name is there."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from edgeseg import cli

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    *(path for name in ("edgeseg", "edgeseg_launcher", "export") for path in sorted((ROOT / name).rglob("*.py"))),
    *sorted((ROOT / "benchmarks/edgeseg_bench").rglob("*.py")),
    *(path for name in ("src", "apps") for path in sorted((ROOT / "cpp_bridge" / name).rglob("*.cpp"))),
]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

PROSE = {"did", "does", "gpu_check", "it", "knows", "lie", "name", "or", "page", "takes", "that", "writes", "wrote"}
"""Words that follow "edgeseg" in strings and are no command: "a data set that edgeseg knows"."""

FOREIGN = {"--format", "--query-gpu", "--system-site-packages"}
"""Options of other programs that strings name: nvidia-smi's and venv's."""


def options(app: App, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Each command with its options."""
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        if command.default_command is not None:
            names = {each for argument in command.assemble_argument_collection() for each in argument.names}
            yield f"{prefix}{name}", {*names, "--help", "--debug"}
        yield from options(command, f"{prefix}{name} ")


OPTIONS = dict(options(cli.app))


def strings(path: Path) -> list[str]:
    """The strings of a source, each whole, with "X" where a value is put in; of docstrings what stands in backticks."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".cpp":
        return re.findall(r'"((?:[^"\\\n]|\\.)*)"', re.sub(r'"\s*\n\s*"', "", text))
    nodes = list(ast.walk(ast.parse(text)))
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) in said:
            found += re.findall("`([^`]+)`", node.value)
        elif isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | said:
            found.append(node.value)
    return found


def wrong(text: str, prose: set[str] = PROSE) -> Iterator[str]:
    """What a text says of edgeseg's command line that is not so."""
    for command, rest in re.findall(r"\bedgeseg ((?:data |bench )?[a-z_]+)([^.;,`\"\n]*)", " ".join(text.split())):
        name = command if command in OPTIONS else command.split()[0]
        if name in OPTIONS:
            wanted = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))
            yield from (f"edgeseg {name} {option}" for option in sorted(wanted - OPTIONS[name]))
        elif name not in prose:
            yield f"edgeseg {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_advise_what_there_is(path: Path) -> None:
    known = {"--version", *FOREIGN}.union(*OPTIONS.values())
    extras = set(importlib.metadata.metadata("edgeseg").get_all("Provides-Extra") or [])
    for text in strings(path):
        assert list(wrong(text)) == [], text
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= known, text
        assert set(re.findall(r"edgeseg\[([\w-]+)\]", text)) <= {*extras, "X"}, text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_what_there_is(page: Path) -> None:
    for quoted in re.findall(r"`(edgeseg [^`]+)`", page.read_text(encoding="utf-8")):
        assert list(wrong(quoted, set())) == [], quoted


def test_what_is_not_there_is_found() -> None:
    text = "measure with edgeseg eval DATA --bundel X --split val; see `edgeseg data lint`, or edgeseg convert it"
    assert list(wrong(text)) == ["edgeseg eval --bundel", "edgeseg data", "edgeseg convert"]
