"""`edgeseg data` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.cli import app
from edgeseg.errors import DataError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One labelled image with both of two classes."""
    folder = tmp_path / "data"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    cv2.imwrite(str(folder / "images/0.png"), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(folder / "masks/0.png"), np.array([[0, 1] * 3] * 4, np.uint8))
    classes = [{"name": name, "colour": [level] * 3} for name, level in (("road", 9), ("car", 99))]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": None}))
    return folder


def run(*arguments: object) -> object:
    return app(["data", *map(str, arguments)], result_action="return_value")


def test_check_tells_good_data_from_bad(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", data) == 0
    assert "50.00 %" in capsys.readouterr().out
    cv2.imwrite(str(data / "masks/0.png"), np.zeros((4, 6), np.uint8))
    assert run("check", data, "--html", tmp_path / "page.html") == 1
    assert "fault: the class has no labelled pixel: car" in capsys.readouterr().out
    assert "no labelled pixel: car" in (tmp_path / "page.html").read_text()


def test_convert_writes_the_plain_layout(data: Path, tmp_path: Path) -> None:
    assert run("convert", data, tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["classes.json", "images", "masks"]
    with pytest.raises(DataError, match="is not a folder"):
        run("convert", tmp_path / "missing", tmp_path / "other")


def test_check_of_what_has_no_split_that_can_be_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "images/0.png").unlink()
    assert run("check", data) == 1
    said = capsys.readouterr().out
    assert said.startswith("fault: ")
    assert "has no partner" in said
