"""The page and the examples of the service are true: their settings are read, and every setting is explained."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from edgeseg.cli import app
from edgeseg.serve.settings import BundleSettings, CameraSettings
from edgeseg.serve.settings_file import read_settings
from edgeseg.trust import Demand

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples/serve"


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_settings_on_the_page_are_read(tmp_path: Path, text: str) -> None:
    if "[cameras.gate]" not in text:  # a part of a file
        text = '[cameras.gate]\nsource = "rtsp://gate/stream"\n' + text
    text = re.sub(r'"/srv/\w+"', f'"{tmp_path}"', text)
    (tmp_path / "cameras.toml").write_text(text)
    settings, _ = read_settings(tmp_path / "cameras.toml")
    assert [camera.name for camera in settings.cameras] == re.findall(r"^\[cameras\.(\w+)\]", text, re.MULTILINE)


def test_every_setting_is_explained() -> None:
    apart = {"name", "zones", "demand"}
    for field in (*fields(BundleSettings), *fields(Demand), *fields(CameraSettings)):
        assert field.name in apart or f"`{field.name}`" in PAGE, field.name


def test_the_example_is_read(tmp_path: Path) -> None:
    text = (EXAMPLES / "cameras.toml").read_text()
    assert '\nlisten = "127.0.0.1:8765"\n' in text
    (tmp_path / "cameras.toml").write_text(text.replace(":8765", ":0"))  # another service may run here
    settings, _ = read_settings(tmp_path / "cameras.toml")
    assert settings.cameras[0].max_age == 0.5


def test_the_unit_starts_what_there_is() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(EXAMPLES / "edgeseg.service")
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert Path(program).name == "edgeseg"
    app.parse_args(words, exit_on_error=False, print_error=False)
    assert (service["Type"], service["User"]) == ("notify", "edgeseg")
    assert service["ExecReload"] == "/bin/sh -c 'kill -HUP $MAINPID'"  # /bin/kill is not in a small Debian
    # Keys are looked for in a home that ProtectHome hides, which is an error, unless they are elsewhere.
    assert "XDG_CONFIG_HOME=/etc" in service["Environment"].split() or service["ProtectHome"] == "no"
    assert service["KillMode"] == "mixed"  # the readers are the service's to end
    assert int(service["WatchdogSec"]) >= 60  # 20 s that a frame may take, and as long again before it is missed
    assert int(service["TimeoutStopSec"]) > 5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = (EXAMPLES / "edgeseg.service").read_text().replace("/opt/edgeseg/bin/edgeseg", sys.executable)
    assert complaints(tmp_path / "edgeseg.service", text) == []
    assert complaints(tmp_path / "edgeseg.service", text.replace("ProtectHome=", "ProtectHone=")) != []


def complaints(path: Path, text: str) -> list[str]:
    """What systemd says of a unit; of this machine's own units it may say something too, which is left out."""
    path.write_text(text)
    command = ["systemd-analyze", "verify", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [line for line in result.stderr.splitlines() if path.name in line]


def test_the_image_has_every_package_and_no_root() -> None:
    text = (EXAMPLES / "Dockerfile").read_text()
    listed = re.search(r"^wheel.packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert listed is not None
    copied = re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)
    for folder in re.findall(r'"([\w/]+)"', listed[1]):
        assert folder.partition("/")[0] in copied, folder
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER edgeseg$", last, re.MULTILINE)
    assert "http://127.0.0.1:8765/livez" in last
    command = re.search(r"^CMD \[(.+)\]$", last, re.MULTILINE)
    assert command is not None
    app.parse_args(re.findall(r'"(.+?)"', command[1]), exit_on_error=False, print_error=False)
