"""Figures as Prometheus's own parser reads them."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from edgeseg.serve.status import DriftStatus, RecordingStatus
from tests.serve.web.conftest import Served


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_status(served: Served) -> None:
    gate, yard = served.service.cameras.values()
    gate.revive()
    for _ in range(8):
        served.first_frames()
    yard.kill()
    yard.kill()
    gate.recording = RecordingStatus(True, None, 3, 1000, 2)
    gate.drift = DriftStatus("drifting", 1.0, {"mix": 0.25}, {"mix": 7.5})
    gate.missed = {"rules": 3}
    served.service.events.subscribe("mqtt").lose()
    answer = served.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = _samples(answer.text)
    status = served.service.status()
    camera = status.cameras[0]

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    info = {"bundle": "road-nano", "engine": status.engine, "precision": status.precision, "version": "0.0.0"}
    assert value("edgeseg_info", sha256=status.sha256, **info) == 1
    assert value("edgeseg_masks_total", camera="gate") == 8
    assert value("edgeseg_skipped_frames_total", camera="gate", cause="replaced") == camera.skipped["replaced"] == 1
    assert value("edgeseg_reconnects_total", camera="yard", cause="refused") == 2
    assert value("edgeseg_camera_state", camera="yard", state="reconnecting") == 1
    assert value("edgeseg_camera_state", camera="yard", state="live") == 0
    assert value("edgeseg_recording_segments_total", camera="gate") == 3
    assert ("edgeseg_recording_active", (("camera", "yard"),)) not in found
    assert value("edgeseg_drifting", camera="gate") == 1
    assert value("edgeseg_drift_value", camera="gate", figure="mix") == 0.25
    assert value("edgeseg_drift_deviation", camera="gate", figure="mix") == 7.5
    assert ("edgeseg_drifting", (("camera", "yard"),)) not in found
    assert value("edgeseg_lost_events_total", reader="mqtt") == 1
    assert value("edgeseg_missed_masks_total", camera="gate", by="rules") == 3
    assert 0 < value("edgeseg_mask_age_seconds", camera="gate") < 60
    for name, fraction in camera.fractions.items():
        assert value("edgeseg_class_fraction", camera="gate", **{"class": name}) == fraction
    assert value("process_resident_memory_bytes") > 1e6
    times = camera.stages["infer"]
    assert value("edgeseg_stage_seconds_count", camera="gate", stage="infer") == times.count == 8
    assert value("edgeseg_stage_seconds_sum", camera="gate", stage="infer") == pytest.approx(times.total)
    buckets = [
        (float(dict(labels)["le"]), number)
        for (name, labels), number in found.items()
        if name == "edgeseg_stage_seconds_bucket" and ("camera", "gate") in labels and ("stage", "infer") in labels
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == (float("inf"), 8)


def test_the_newer_format_is_given_to_whom_it_asks(served: Served) -> None:
    answer = served.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert {"edgeseg", "edgeseg_masks", "edgeseg_stage_seconds", "edgeseg_camera_state"} <= names


@pytest.mark.parametrize("kind", ["text/plain", "application/openmetrics-text"])
def test_a_version_that_is_none_is_answered_in_the_plain_format(served: Served, kind: str) -> None:
    answer = served.client.get("/metrics", headers={"Accept": f"{kind};version=abc"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == served.client.get("/metrics").headers["content-type"]


def test_before_the_first_frame_there_is_no_age(served: Served) -> None:
    found = _samples(served.client.get("/metrics").text)
    assert not any(name == "edgeseg_mask_age_seconds" for name, _ in found)
    assert found["edgeseg_masks_total", (("camera", "gate"),)] == 0
