"""A reference comes back as it was written, and one of another view is refused with a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.errors import DataError, OutputError
from edgeseg.serve.drift.reference import View, read_reference, write_reference

VIEW = View("ab12", ("road", "car"), 60.0, 0.0)
PERIODS = np.array([[0.25, 0.75, 0.5, 0.125], [1.0, 0.0, 0.5, 0.1234567]])


def test_it_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "gate-reference.json"
    assert read_reference(path, VIEW) is None
    write_reference(path, VIEW, PERIODS)
    found = read_reference(path, VIEW)
    assert found is not None
    assert found.tolist() == PERIODS.tolist()
    write_reference(path, VIEW, PERIODS[:0])
    found = read_reference(path, VIEW)
    assert found is not None
    assert found.shape == (0, 4)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "cd34"}, r"is of another network \(its file has the hash ab12\)"),
        ({"classes": ("road", "bus")}, r"is of other classes \(\['road', 'car'\]\)"),
        ({"every": 30.0}, r"is of periods of another length \(60.0 s\)"),
        ({"smooth": 0.5}, r"is of masks that were steadied otherwise \(smooth = 0.0\)"),
    ],
)
def test_another_view_is_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    write_reference(tmp_path / "r.json", VIEW, PERIODS)
    with pytest.raises(DataError, match=sentence):
        read_reference(tmp_path / "r.json", replace(VIEW, **change))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"view": {}, "periods": []}'])
def test_what_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError):
        read_reference(tmp_path / "r.json", VIEW)


@pytest.mark.parametrize("row", ["[0.5, 0.5, 1]", "[0.5, 0.5, 1, 2]", '[0.5, 0.5, 1, "1"]', "[0.5, 0.5, 1, true]"])
def test_periods_that_are_none(tmp_path: Path, row: str) -> None:
    path = tmp_path / "r.json"
    write_reference(path, VIEW, PERIODS[:0])
    path.write_text(path.read_text().replace('"periods": [\n', f'"periods": [\n{row}'))
    with pytest.raises(DataError, match=r"period 0 is .*, expected 4 numbers from 0 to 1"):
        read_reference(path, VIEW)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_reference(tmp_path / "gone" / "r.json", VIEW, PERIODS)
