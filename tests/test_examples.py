"""The examples run as a newcomer would run them, on small real inputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STREET = Path(__file__).resolve().parents[1] / "export/edgeseg_export/frames/street-0.jpg"


def start(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in result.stderr, result.stderr
    return result


def run(name: str, *arguments: object) -> tuple[int, str]:
    result = start(name, *arguments)
    return result.returncode, result.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One labelled street, with every class of "road" in it."""
    folder = tmp_path / "data"
    spec = Bundle.open("road").spec
    for kind in ("images", "masks"):
        (folder / kind / "val").mkdir(parents=True)
    street = cv2.imread(str(STREET))
    assert street is not None
    cv2.imwrite(str(folder / "images/val/0.png"), street)
    label = np.arange(street.shape[0] * street.shape[1]).reshape(street.shape[:2]) % len(spec.classes)
    cv2.imwrite(str(folder / "masks/val/0.png"), label.astype(np.uint8))
    classes = [{"name": n, "colour": list(c)} for n, c in zip(spec.classes, spec.palette, strict=True)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": spec.ignore}))
    return folder


def test_a_frame(tmp_path: Path) -> None:
    code, out = run("frame.py", STREET, tmp_path / "overlay.png")
    assert code == 0
    shares = [float(line.split()[-2]) for line in out.splitlines()]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert (tmp_path / "overlay.png").stat().st_size > 10_000


@pytest.mark.parametrize("overlay", ["absent/overlay.png", "overlay.xyz"])
def test_a_frame_whose_overlay_cannot_be_written(overlay: str, tmp_path: Path) -> None:
    result = start("frame.py", STREET, tmp_path / overlay)
    assert result.returncode == 2
    assert "frame.py: error: cannot write" in result.stderr


def test_a_frame_is_not_replaced_by_its_overlay(tmp_path: Path) -> None:
    picture = tmp_path / "street.jpg"
    picture.write_bytes(STREET.read_bytes())
    result = start("frame.py", picture, tmp_path / "." / "street.jpg")
    assert (result.returncode, "is the source itself" in result.stderr) == (2, True)
    assert picture.read_bytes() == STREET.read_bytes()


def test_a_stream(tmp_path: Path) -> None:
    video = cv2.VideoWriter(str(tmp_path / "street.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64))
    for level in range(3):
        video.write(np.full((64, 96, 3), 60 * level, np.uint8))
    video.release()
    code, out = run("stream.py", tmp_path / "street.mp4")
    assert code == 0
    assert out.count("road covers") == 3


def test_a_network_of_ones_own(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "weights.pt").write_text("of another network")
    code, out = run("own_network.py", tmp_path / "mine")
    assert code == 0
    assert (tmp_path / "weights.pt").read_text() == "of another network"
    assert "('road', 'car', 'sky')" in out
    assert Bundle.open(tmp_path / "mine").spec.name == "mine"


def test_data_of_ones_own(data: Path) -> None:
    code, out = run("own_data.py", data, "road-nano")
    assert code == 0
    assert "mIoU" in out
    cv2.imwrite(str(data / "masks/val/0.png"), np.zeros((3, 3), np.uint8))
    code, out = run("own_data.py", data)
    assert code == 1
    assert "fault" in out


def test_a_gate(data: Path) -> None:
    assert run("gate.py", "road-nano", 0, data, "val")[0] == 0
    assert run("gate.py", "road-nano", 99, data, "val")[0] == 1


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_what_is_missing_is_said(name: str, tmp_path: Path) -> None:
    if name == "own_network.py":
        pytest.importorskip("torch")
    without = start(name)
    assert without.returncode == 2
    assert "arguments are required" in without.stderr
    (tmp_path / "file").touch()
    absent = {
        "frame.py": (tmp_path / "absent.jpg", tmp_path / "overlay.png"),
        "stream.py": (tmp_path / "absent.mp4",),
        "gate.py": ("road-nano", 0, tmp_path / "absent"),
        "own_data.py": (tmp_path / "absent",),
        "own_network.py": (tmp_path / "file",),
    }
    wrong = start(name, *absent[name])
    assert wrong.returncode == 2
    assert f"{name}: error: " in wrong.stderr
