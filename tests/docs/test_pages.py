"""What README and docs/ promise is true: their Python runs, their commands parse, their links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.cli import app
from edgeseg_export.foreign.families import FamilyName
from edgeseg_export.foreign.model_spec import model_spec
from lab import house

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXTS.values()).replace("\\\n", "")  # a command that goes on in the next line is one
MADE = {"cli.md"}
"""Pages that the site's build makes."""

COMMANDS = sorted(set(re.findall(r"^ +(?:docker run .+ )?edgeseg ([a-z].+?)(?:  +#.*)?$", EVERYTHING, re.MULTILINE)))


def blocks(text: str, start: str) -> list[str]:
    """Indented blocks whose first line starts so, without the indent."""
    matches = re.findall(r"(?:^    .*\n|^\n)+", text, re.MULTILINE)
    stripped = ["\n".join(line[4:] for line in block.strip("\n").split("\n")) for block in matches]
    return [block for block in stripped if block.startswith(start)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    video = cv2.VideoWriter("street.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for level in range(5):
        video.write(np.full((48, 64, 3), 40 * level, np.uint8))
    video.release()
    frame = np.zeros((48, 64, 3), np.uint8)
    names: dict[str, object] = {"frame": frame, "edgeseg": edgeseg, "model": edgeseg.load("road-nano")}
    for code in re.findall(r"```python\n(.*?)```", TEXTS[page], re.DOTALL):
        exec(code.replace("rtsp://camera/stream", str(tmp_path / "street.mp4")), names)
    mask = names.get("mask")
    assert mask is None or (isinstance(mask, np.ndarray) and mask.shape == (48, 64))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    command = command.replace("...", "")
    app.parse_args(shlex.split(command, comments=True), exit_on_error=False, print_error=False)


def test_every_command_is_shown() -> None:
    shown = {command.split()[0] for command in COMMANDS}
    assert shown >= {name for name in app if not name.startswith("-")}


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 150


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", EVERYTHING, re.MULTILINE))
    assert targets >= {"demo", "test", "bench", "peers"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", TEXTS[page]):
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if place.name in MADE:
            continue
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, target
    for path in re.findall(r"https://github\.com/edgeseg/edgeseg/blob/main/([^)\s]+)", TEXTS[page]):
        assert (ROOT / path).exists(), path


def test_the_folders_of_the_house_are_there() -> None:
    (drawn,) = blocks(TEXTS[ROOT / "docs/house.md"], "edgeseg/ ")
    top = ""
    for line in drawn.split("\n"):
        indent = len(line) - len(line.lstrip())
        name = line.split()[0]
        assert (ROOT / name if indent == 0 else ROOT / top / name).exists(), name
        top = name if indent == 0 else top


def test_the_picture_of_the_house_is_drawn_from_the_imports() -> None:
    rows = {name: row for row, names in enumerate(house.ROWS) for name in names}
    assert {pair for pair in house.arrows() if rows[pair[0]] >= rows[pair[1]]} == set()
    assert (ROOT / house.PICTURE).read_text(encoding="utf-8") == house.draw(), "stale: run python -m lab.house"


def test_the_bundle_format_names_what_bundles_hold() -> None:
    page = TEXTS[ROOT / "docs/bundle.md"]
    bundle = Bundle.open("road")
    spec = bundle.spec.to_json()
    for name in (*(path.name for path in bundle.folder.iterdir()), *spec, *spec["input"], "grid", "head"):
        assert name in page, name
    for name in bundle.artifacts[0].to_json():
        assert f'"{name}"' in page, name


def test_the_spec_of_a_network_is_complete() -> None:
    page = TEXTS[ROOT / "docs/own-network.md"]
    (written,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    spec = model_spec(json.loads(written))
    assert spec.spec.classes == ("road", "class 1", "sky")
    more = ("output", "channels", "head", "values", "threshold", "background", "grid")
    for name in (*more, *json.loads(written)["input"], *get_args(FamilyName)):
        assert f"`{name}`" in page, name


def test_quoted_messages_are_in_the_code() -> None:
    folders = (ROOT / name for name in ("edgeseg", "export", "benchmarks", "edgeseg_launcher"))
    code = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py"))
    joined = re.sub(r"(?<=[ \w,;:])[\"']\s*\n\s*f?[\"']", "", code)  # sentences that go on in the next literal
    rows = re.findall(r"^\| (`.*?) \|", TEXTS[ROOT / "docs/troubleshooting.md"], re.MULTILINE)
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
    assert len(messages) >= 10
    for message in messages:
        assert message in joined, message


def test_pictures_are_there() -> None:
    for page, text in TEXTS.items():
        for picture in re.findall(r"!\[.*?\]\((.+?)\)", text):
            assert (page.parent / picture).stat().st_size > 1000, picture


def test_version_is_the_changelogs() -> None:
    assert f"## {edgeseg.__version__}" in (ROOT / "CHANGELOG.md").read_text()
