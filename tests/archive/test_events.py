"""Events in tables are what a plain loop over the masks says, however a video is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

import pyarrow.parquet as pq

from edgeseg.archive.masks import read_masks
from edgeseg.errors import UsageError
from tests.archive.conftest import results

RULES = """
[zones]
left = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]

[[rules]]
name = "cars"
when = { class = "car", above = LIMIT, below = LIMIT }

[[rules]]
name = "cars on the left"
when = { class = "car", zone = "left", above = LIMIT, below = LIMIT, for = 0.1 }
"""


def expected(shares: list[float], times: list[float], limit: float, seconds: float) -> list[bool]:
    """Whether the rule holds at each frame: the share has been on the other side of the limit for so long."""
    holds: list[bool] = []
    for at, time in enumerate(times):
        before = holds[-1] if holds else False
        beyond = [(each < limit if before else each > limit) for each in shares[: at + 1]]
        since = max((number + 1 for number in range(at + 1) if not beyond[number]), default=0)
        turns = beyond[at] and time - times[since] >= seconds
        holds.append(before != turns)
    return holds


def test_events_are_what_the_masks_say(
    batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    video, rules = make_video(tmp_path / "in.mp4", 60), tmp_path / "rules.toml"
    batch(video, out=tmp_path / "plain")
    masks = list(read_masks(tmp_path / "plain/in.mp4/masks.mov"))
    share = [float(np.mean(mask == 1)) for _, mask in masks]
    left = [float(np.mean(mask[:, : mask.shape[1] // 2] == 1)) for _, mask in masks]
    limit = float(np.median(left))
    rules.write_text(RULES.replace("LIMIT", repr(limit)))

    report = batch(video, out=tmp_path / "cut", rules=rules, piece=0.4)
    assert (report["code"], report["frames"]) == (0, 60)
    rows = pq.read_table(tmp_path / "cut/in.mp4/frames.parquet").to_pylist()
    times = [row["time"] for row in rows]
    holds = {
        "cars": expected(share, times, limit, 0.0),
        "cars on the left": expected(left, times, limit, 0.1),
    }
    assert [row["holds"] for row in rows] == [[name for name in holds if holds[name][at]] for at in range(60)]
    for at, row in enumerate(rows):
        turned = [
            {"rule": name, "active": holds[name][at]}
            for name in holds
            if holds[name][at] != (at > 0 and holds[name][at - 1])
        ]
        assert row["events"] == turned
    assert len(set(holds["cars on the left"])) == 2, "nothing happens in this video"

    batch(video, out=tmp_path / "whole", rules=rules, workers=1)
    assert results(tmp_path / "cut") == results(tmp_path / "whole")
    without = pq.read_table(tmp_path / "plain/in.mp4/frames.parquet")
    assert pq.read_table(tmp_path / "cut/in.mp4/frames.parquet").select(without.schema.names).equals(without)

    again = batch(video, out=tmp_path / "cut", rules=rules)
    assert (again["frames"], again["frames_before"]) == (0, 60)
    with pytest.raises(UsageError, match="were begun with other --rules, or without"):
        batch(video, out=tmp_path / "cut")
    rules.write_text(RULES.replace("LIMIT", "0.9"))
    with pytest.raises(UsageError, match="were begun with other --rules, or without"):
        batch(video, out=tmp_path / "cut", rules=rules)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no rule; add one"),
        ('[[rules]]\nname = "x"\nwhen = { class = "bus", above = 0.1 }', "line 3: .*expected one of road, car, sky"),
        ('[[rule]]\nname = "x"', "line 1: rule is no setting; did you mean rules"),
        ("[[rules", "line 1: this is no TOML"),
    ],
)
def test_a_file_without_rules(
    batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tmp_path: Path, text: str, sentence: str
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        batch(make_video(tmp_path / "in.mp4", 8), out=tmp_path / "out", rules=rules)
    assert not (tmp_path / "out/in.mp4").exists()


def test_a_zone_in_which_nothing_can_be_seen_is_said(
    batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace("LIMIT", "0.5").replace("[0.5, 0], [0.5, 1], [0, 1]", "[1e-6, 0], [0, 1]"))
    report = batch(make_video(tmp_path / "in.mp4", 8), out=tmp_path / "out", rules=rules, piece=0.1)
    [warning] = report["warnings"]
    assert "in.mp4: zone left has no pixel's centre in frames of " in warning
