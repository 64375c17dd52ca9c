from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import UsageError
from edgeseg.video.names import expand_time, free_name, nth_name

NOON = datetime(2026, 11, 24, 12, 30, 5)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("cam-{time:%Y-%m-%dT%H-%M-%S}.mp4", "cam-2026-11-24T12-30-05.mp4"),
        ("{time}.mkv", "2026-11-24T12-30-05.mkv"),
        ("day {time:%d}/{time:%H}.mp4", "day 24/12.mp4"),
        ("{{time}}.mp4", "{time}.mp4"),
        ("plain.mp4", "plain.mp4"),
    ],
)
def test_the_time_in_a_name(name: str, result: str) -> None:
    assert expand_time(Path(name), NOON) == Path(result)


@pytest.mark.parametrize(
    "name",
    ["{date}.mp4", "{}.mp4", "{0}.mp4", "{time", "time}", "{time.year}.mp4", "{time!r}", "{time:{time}}", "{a:%Y}"],
)
def test_anything_else_in_braces(name: str) -> None:
    with pytest.raises(UsageError, match=r"braces that is not the time .*\{time:%Y"):
        expand_time(Path(name), NOON)


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_any_name_with_its_braces_doubled_stays(name: str) -> None:
    assert expand_time(Path(name.replace("{", "{{").replace("}", "}}")), NOON) == Path(name)


def test_numbers(tmp_path: Path) -> None:
    assert [nth_name(Path("a/b.c.mp4"), number).name for number in (1, 2, 3)] == ["b.c.mp4", "b.c-2.mp4", "b.c-3.mp4"]
    path = tmp_path / "out.mp4"
    assert free_name(path) == path
    assert free_name(path, spare=path) == tmp_path / "out.recovered-1.mp4"
    path.symlink_to("nowhere")
    (tmp_path / "out.recovered-1.mp4").touch()
    assert free_name(path) == tmp_path / "out.recovered-2.mp4"
