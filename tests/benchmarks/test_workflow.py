"""The example workflow for users' own CI: its commands are ours, and the gate is the last of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edgeseg.cli import app

WORKFLOW = (Path(__file__).resolve().parents[2] / "examples/compare-workflow.yml").read_text()
COMMANDS = re.findall(r"^ +run: edgeseg (.+)$", WORKFLOW, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_parse(command: str) -> None:
    app.parse_args(shlex.split(command), exit_on_error=False, print_error=False)


def test_it_verifies_measures_both_and_compares_them() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["verify", "bench", "bench", "bench"]
    old, new = (re.search(r"--json (\S+)", command) for command in COMMANDS[1:3])
    assert old is not None
    assert new is not None
    assert COMMANDS[3].startswith(f"bench compare {old[1]} {new[1]} ")


def test_both_are_measured_in_the_same_way() -> None:
    old, new = (re.findall(r"--(?:engine|source|data) \S+", command) for command in COMMANDS[1:3])
    assert old == new
    assert len(old) == 3
