"""The race: every contender does the work, and the agreement of its masks is known before it is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.benchmarks.peers.race import SAME, Standing, race
from edgeseg.benchmarks.peers.turn import Task
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.spec import Spec


@pytest.fixture(params=["stretch", "letterbox"])
def task(
    request: pytest.FixtureRequest, tmp_path: Path, spec: Spec, video: Path, make_bundle: Callable[[Path, Spec], Bundle]
) -> Task:
    even = replace(spec, width=32, height=16, resize=request.param)
    bundle = make_bundle(tmp_path / "even", even)
    return Task(
        bundle=str(bundle.folder),
        model=str(bundle.path(bundle.artifacts[0])),
        precision="fp32",
        width=even.width,
        height=even.height,
        placed=list(even.placement(256, 64)),
        pad=even.pad,
        stride=even.stride,
        palette=[list(colour) for colour in even.palette],
        video=str(video),
        overlay=True,
        frames=10,
        masks=None,
    )


def test_a_race_with_two_tutorials(task: Task) -> None:
    said: list[str] = []
    ours, resized, nearest = race(["tutorial", "tutorial_nearest"], task, rounds=2, say=said.append)
    assert ours.ratios == (1.0, 1.0)
    assert resized.same
    assert nearest.agreement < resized.agreement
    assert all(one.fps > 0 and one.core_ms > 0 and len(one.ratios) == 2 for one in (ours, resized, nearest))
    assert [line.split(": ")[-1] for line in said[1:]] == ["ours", "tutorial", "tutorial_nearest"] * 2


def test_a_contender_that_fails_is_named(task: Task) -> None:
    with pytest.raises(EngineError, match=r"^(ours|tutorial) failed: .*is its package installed\?$"):
        race(["tutorial"], replace(task, model="nowhere.onnx"), rounds=1, say=lambda _: None)


@pytest.mark.parametrize(("agreement", "same"), [(SAME, True), (SAME - 1e-6, False)])
def test_another_mask_is_another_work(agreement: float, same: bool) -> None:
    standing = Standing("x", agreement, 10.0, 5.0, (3.0, 1.0, 2.0))
    assert standing.same is same
    assert standing.to_json()["ours_is_faster_by"] == 2.0
