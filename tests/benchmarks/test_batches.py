"""`edgeseg bench batch`: figures of a tiny network, measured for real."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.commands.bench import batch
from edgeseg.errors import UsageError
from edgeseg.spec import Spec
from edgeseg_bench.batches import BatchFigures
from edgeseg_bench.windows import Window


def test_figures() -> None:
    windows = [Window((10.0, 12.0, 8.0, 10.0), seconds=0.02, core_seconds=0.032) for _ in range(3)]
    figures = BatchFigures.of(4, windows)
    assert (figures.ms, figures.ms_a_picture, figures.steady) == (10.0, 2.5, True)
    assert figures.fps == pytest.approx(4 * 4 / 0.02)
    assert figures.core_ms == pytest.approx(1e3 * 0.032 / 16)


def test_as_a_user_meets_it(
    make_bundle: Callable[[Path, Spec], Bundle],
    spec: Spec,
    video: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    several = make_bundle(tmp_path / "several", replace(spec, batch=3))
    assert batch(str(several.folder), source=video, windows=3, json=True) == 0
    measured = json.loads(capsys.readouterr().out)
    assert [each["pictures"] for each in measured["batches"]] == [1, 2, 3]
    for each in measured["batches"]:
        assert each["ms"] == pytest.approx(each["ms_a_picture"] * each["pictures"])
        assert each["fps"] > 0
    assert batch(str(several.folder), source=video, windows=3, mode="latency") == 0
    out = capsys.readouterr().out
    assert "pictures/s" in out
    assert "1 at a time" in out
    with pytest.raises(UsageError, match="windows is 2"):
        batch(str(several.folder), source=video, windows=2)
    one = make_bundle(tmp_path / "one", spec)
    with pytest.raises(UsageError, match="takes one picture at a time"):
        batch(str(one.folder), source=video)
