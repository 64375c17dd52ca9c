"""Scripts that unpack packages into a folder of the user's leave alone what lies there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cpp.conftest import ROOT

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

APT = """#!/bin/sh
case "$*" in
*indextargets*) echo http://mirror.example/debian ;;
*download*) touch libonnxruntime-dev_1.deb ;;
esac
"""

DPKG = """#!/bin/sh
mkdir -p "$3/usr/include/onnxruntime"
"""


def unpack(script: str, *words: object, path: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A search path on which apt and dpkg unpack a package that is empty."""
    for name, script in {"apt-get": APT, "dpkg-deb": DPKG}.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)
    return f"{tmp_path / 'bin'}:{os.environ['PATH']}"


@pytest.mark.skipif(not KEYS.exists(), reason="Debian's keys are not here")
def test_the_header_goes_beside_what_is_there(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    done = unpack("cpp_bridge/onnxruntime-header.sh", folder, path=path)
    assert (done.returncode, done.stdout) == (0, f"{folder}/usr/include/onnxruntime\n"), done.stderr
    assert (folder / "mine.txt").read_text() == "mine"
    assert sorted(each.name for each in folder.iterdir()) == ["mine.txt", "usr"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "with space"]


@pytest.mark.skipif(not KEYS.exists(), reason="Debian's keys are not here")
def test_what_is_interrupted_leaves_nothing_behind(tmp_path: Path, path: str) -> None:
    apt = tmp_path / "bin/apt-get"
    apt.write_text(APT.replace("*download*)", "*update*) kill -TERM $PPID ;;\n*download*)"))
    folder = tmp_path / "headers"
    assert unpack("cpp_bridge/onnxruntime-header.sh", folder, path=path).returncode == 130
    assert list(folder.iterdir()) == []


def test_an_arm64_root_replaces_nothing_else(tmp_path: Path, path: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = unpack(".ci/arm_root", tmp_path, path=path)
    assert (done.returncode, "is not empty" in done.stderr) == (2, True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("script", ["cpp_bridge/onnxruntime-header.sh", ".ci/arm_root"])
def test_a_folder_is_expected(script: str, path: str) -> None:
    done = unpack(script, path=path)
    assert (done.returncode, "expected a folder" in done.stderr) == (2, True)
