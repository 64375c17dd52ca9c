from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.recording.names import entries, file_name
from tests.serve.results import START


def test_a_name() -> None:
    assert file_name("gate", START + 0.9, ".mp4") == "gate-2026-11-28T12-00-00Z.mp4"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)))
def test_names_sort_like_their_times(time: datetime) -> None:
    seconds = time.replace(tzinfo=timezone.utc).timestamp()
    assert file_name("a", seconds, "") < file_name("a", seconds + 1.5, "")


def test_what_is_found_again(tmp_path: Path) -> None:
    endings = (".mp4", "-masks.mkv", "-fractions.jsonl", "-900-event12.jpg", "-900-event12.mp4", "-0471.jpg")
    names = [file_name("gate", START + 60 * number, ending) for number in (1, 0) for ending in endings]
    recovered = "gate-2026-11-28T12-01-00Z.recovered-1.mp4"
    others = [
        file_name("gate-2", START, ".mp4"),
        file_name("agate", START, ".mp4"),
        f".{file_name('gate', START, '')}.0123456789abcdef.part.mp4",
        "gate-2026-13-28T12-00-00Z.mp4",
        "gate.mp4",
        *(file_name("gate", START, ending) for ending in ("-keep.mp4", ".mp4.bak", " (copy).mp4", ".jpg", ".txt")),
    ]
    for name in (*names, *others, recovered):
        (tmp_path / name).write_bytes(b"12")
    (tmp_path / file_name("gate", START + 500, ".mp4")).mkdir()
    (tmp_path / file_name("gate", START + 501, ".mp4")).symlink_to(tmp_path / "gate.mp4")
    found = entries(tmp_path, "gate")
    assert [entry.path.name for entry in found] == sorted([*names, recovered])
    assert [entry.time - START for entry in found] == [0] * 6 + [60] * 7
    assert {entry.bytes for entry in found} == {2}


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        entries(tmp_path / "gone", "gate")
