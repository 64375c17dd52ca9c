"""`--batch` of `edgeseg run` and `edgeseg batch`: what is taken unasked, and that the masks are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeseg import auto, batch_size
from edgeseg.batch_size import BatchSize
from edgeseg.bundle import Bundle
from edgeseg.commands.run import run_command
from edgeseg.errors import UsageError
from edgeseg.run_settings import RunSettings, write_settings
from edgeseg.spec import Spec
from tests.archive.conftest import write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "in.mp4", 11)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[..., Bundle]) -> Bundle:
    """A bundle that takes three at once."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "several", replace(spec, batch=3))


@pytest.fixture(autouse=True)
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of workers of each measurement, by which two at once gain."""
    asked: list[int] = []

    def measure(model: object, workers: int) -> BatchSize:
        del model
        asked.append(workers)
        return BatchSize({1: 3.0, 2: 1.0, 3: 1.0})

    monkeypatch.setattr(batch_size, "_measure", measure)
    monkeypatch.setattr(auto, "SECONDS", 0.01)
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return asked


@pytest.fixture
def run(several: Bundle, video: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """`run(...)`: the report of `edgeseg run` with the bundle that takes three."""

    def call(**options: Any) -> dict[str, Any]:
        bundle = None if "settings" in options else str(several.folder)
        assert run_command(str(video), bundle=bundle, json=True, **options) == 0
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return report

    return call


def pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_auto_takes_what_measured_fastest(
    run: Callable[..., dict[str, Any]], measured: list[int], tmp_path: Path
) -> None:
    report = run(masks=tmp_path / "auto", workers=2)
    assert (report["batch"], report["frames"], measured) == (2, 11, [2])
    report = run(masks=tmp_path / "three", engine="onnxruntime", batch=3, batch_wait=0.5)
    assert report["batch"] == 3
    assert "batch" not in run(masks=tmp_path / "one", engine="onnxruntime")  # who names an engine gets what he names
    assert "batch" not in run(mode="latency")
    assert measured == [2]
    assert pictures(tmp_path / "auto") == pictures(tmp_path / "three") == pictures(tmp_path / "one")


def test_settings_say_it(run: Callable[..., dict[str, Any]], several: Bundle, tmp_path: Path) -> None:
    (artifact,) = several.artifacts
    spec = several.spec
    settings = RunSettings(
        str(several.folder), "onnxruntime", "fp32", artifact.sha256, spec.width, spec.height, 1, 1, "x", 1, {}, batch=3
    )
    write_settings(tmp_path / "settings.json", settings)
    with pytest.warns(match="run edgeseg tune here"):
        report = run(settings=tmp_path / "settings.json")
    assert (report["batch"], report["mode"], report["workers"]) == (3, "throughput", 1)
    with pytest.raises(UsageError, match="--batch 2 and --settings"):
        run(settings=tmp_path / "settings.json", batch=2)


def test_a_network_that_takes_one(
    make_bundle: Callable[..., Bundle], spec: Spec, video: Path, tmp_path: Path, measured: list[int]
) -> None:
    one = str(make_bundle(tmp_path / "one", spec).folder)
    with pytest.raises(UsageError, match="batch is 2, and tiny takes one frame at once here; export it with --batch 2"):
        run_command(str(video), bundle=one, batch=2)
    assert run_command(str(video), bundle=one, json=True) == 0
    assert measured == []
