"""What the README promises is true: its Python runs, its commands parse, its files and make targets are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(start: str) -> list[str]:
    """Indented blocks whose first line starts so, without the indent."""
    found = re.findall(r"(?:^    .*\n|^\n)+", README, re.MULTILINE)
    stripped = ["\n".join(line[4:] for line in block.strip("\n").split("\n")) for block in found]
    return [block for block in stripped if block.startswith(start)]


JETSON = (ROOT / "cpp_bridge" / "jetson" / "README.md").read_text()
COMMANDS = re.findall(r"^ +(?:docker run .+ )?edgeseg (.+?)(?:  +#.*)?$", README + JETSON, re.MULTILINE)


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    video = cv2.VideoWriter("street.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for level in range(5):
        video.write(np.full((48, 64, 3), 40 * level, np.uint8))
    video.release()
    names: dict[str, object] = {"frame": np.zeros((48, 64, 3), np.uint8)}
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code) >= 2
    for each in code:
        exec(each, names)
    mask = names["mask"]
    assert isinstance(mask, np.ndarray)
    assert mask.shape == (48, 64)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    app.parse_args(shlex.split(command, comments=True), exit_on_error=False, print_error=False)


def test_there_are_commands() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"run", "eval", "inspect", "train", "export"}


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_picture_of_the_house_is_true() -> None:
    (house,) = blocks("edgeseg/ ")
    top = ""
    for line in house.split("\n"):
        if not line.strip() or "-->" in line:
            continue
        indent = len(line) - len(line.lstrip())
        for name in re.findall(r"^ *([\w./, ]+?)(?:  +|$)", line)[0].replace(",", " ").split():
            path = ROOT / name if indent == 0 else ROOT / top / name
            assert path.exists(), path
            top = name if indent == 0 else top


def test_the_bundle_on_one_screen_is_what_bundles_hold() -> None:
    (screen,) = blocks("road/")
    bundle = Bundle.open("road")
    spec = bundle.spec.to_json()
    for name in (*(path.name for path in bundle.folder.iterdir()), *spec, *spec["input"]):
        assert name in screen
    for name in bundle.artifacts[0].to_json():
        assert f'"{name}"' in screen


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.+?)\)", README)
    assert pictures
    for picture in pictures:
        assert cv2.imread(str(ROOT / picture)) is not None


def test_version_is_the_changelogs() -> None:
    assert f"## {edgeseg.__version__}" in (ROOT / "CHANGELOG.md").read_text()
