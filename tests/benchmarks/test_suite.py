"""The whole measurement of a tiny bundle: that every figure is there and that they fit together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, SourceError, UsageError
from edgeseg.proof import Proof
from edgeseg.segmenter import load
from edgeseg.spec import Spec
from edgeseg_bench import first_mask, job, pipeline, suite
from edgeseg_bench.job import Job, Settings
from edgeseg_bench.result import to_text


def test_one_run_with_all_three_measurements(measured: dict[str, Any], tiny: Bundle) -> None:
    (run,) = measured["runs"]
    assert run["artifact"]["sha256"] == tiny.artifacts[0].sha256
    assert run["accuracy"] is None
    assert run["first_mask"]["peak_memory_mb"] > 20
    assert len(run["first_mask"]["seconds"]) == 3
    assert set(run["measured"]) == {"engine", "pipeline", "capture_to_mask", "stream_to_mask"}
    for part in run["measured"].values():
        figures = part["figures"]
        assert figures["p50_ms"] <= figures["p90_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]
        assert figures["frames"] == sum(len(window["ms"]) for window in part["windows"])
        assert part["included"]
        assert part["excluded"]
    assert run["flicker"]["frames"] == 9  # pairs of neighbours among the ten frames
    assert run["flicker"]["plain"] is None  # noise changes everywhere
    assert measured["settings"]["camera_fps"] == 200
    assert json.loads(to_text(measured)) == json.loads(json.dumps(measured))


def test_efficiency_is_what_the_issue_defines(video: Path, tiny: Bundle) -> None:
    one = pipeline.measure(load(tiny, threads=1), video, workers=1)
    assert set(one.alone) == set(pipeline.STAGES)
    assert one.cores == 1
    assert len(one.window.ms) == 12
    assert one.efficiency == pytest.approx(one.window.fps * sum(one.alone.values()))
    summary = pipeline.summary([one])
    assert summary["efficiency"] == one.efficiency
    spent = 1e3 * sum(one.alone.values()) * (1 + one.overhead)
    assert summary["stream_core_ms"] == pytest.approx(spent)


def test_pictures_without_room_for_a_number_are_refused(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "small.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (254, 64))
    for _ in range(2):
        writer.write(np.zeros((64, 254, 3), np.uint8))
    writer.release()
    with pytest.raises(UsageError, match="is 254x64, expected at least 256x32"):
        suite._source(tmp_path / "small.mp4")


def test_a_source_that_is_no_video(tiny: Bundle, tmp_path: Path) -> None:
    settings = Settings(mode="latency", frames=10, windows=3, fps=None, dataset=None)
    (tmp_path / "note.mp4").write_text("not a video")
    with pytest.raises(SourceError, match="no video"):
        suite.measure(tiny, tmp_path / "note.mp4", engine_name="onnxruntime", settings=settings, say=lambda _: None)


def test_wrong_masks_of_the_golden_frames_are_said_or_left_out(
    tmp_path: Path,
    spec: Spec,
    video: Path,
    make_bundle: Callable[..., Bundle],
    put_golden: Callable[..., Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = put_golden(make_bundle(tmp_path / "tiny", spec))
    for part in ("_engine", "_pipeline", "_camera", "_stream"):
        monkeypatch.setattr(Job, part, lambda *_: {})
    monkeypatch.setattr(first_mask, "measure", lambda *_, **__: {"seconds": [1.0]})
    settings = Settings(mode="latency", frames=10, windows=3, fps=None, dataset=None)

    def measured(engine: str) -> dict[str, Any]:
        return suite.measure(bundle, video, engine_name=engine, settings=settings, say=lambda _: None)

    (run,) = measured("onnxruntime")["runs"]
    assert (run["golden"]["mask_agreement"], run["golden"]["least"], run["wrong"]) == (100, 99, None)
    monkeypatch.setattr(job, "ask", lambda *_: Proof((90.0, 96.0), 1.0))
    found = measured("onnxruntime")
    assert found["runs"][0]["golden"]["worst_frame"] == 90
    assert found["warnings"][-1].startswith("onnxruntime fp32: its masks of the golden frames have 93.00 %")
    with pytest.raises(EngineError, match=r"no engine could be measured: .*golden frames"):
        measured("all")
