"""A service's figures for Prometheus, read when it asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from edgeseg.serve.status import CameraStatus, ServiceStatus
from edgeseg.video.supervised.status import State

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds, in seconds."""


def registry(status: Callable[[], ServiceStatus]) -> CollectorRegistry:
    """What Prometheus's client writes out: the service's figures, and memory, descriptors and time of its process."""
    chosen = CollectorRegistry()
    chosen.register(ServiceCollector(status))
    ProcessCollector(registry=chosen)
    return chosen


class ServiceCollector(Collector):
    """All figures of one status."""

    def __init__(self, status: Callable[[], ServiceStatus]) -> None:
        """Of what this function returns, at each scrape."""
        self._status = status

    def describe(self) -> list[Metric]:
        """Nothing ahead of the first scrape: no figure is made up to learn its name."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures."""
        status = self._status()
        info = {name: getattr(status, name) for name in ("version", "bundle", "sha256", "engine", "precision")}
        yield InfoMetricFamily("edgeseg", "What runs.", info)
        yield GaugeMetricFamily("edgeseg_uptime_seconds", "Since the service was started.", status.seconds)
        yield from _losses(status)
        yield from _counters(status.cameras)
        yield from _gauges(status.cameras)
        yield from _recordings(status.cameras)
        yield from _drift(status.cameras)
        stages = HistogramMetricFamily(
            "edgeseg_stage_seconds",
            "Durations of the stages of a frame; bounds are right to 1 %.",
            labels=["camera", "stage"],
        )
        for camera in status.cameras:
            for stage, times in camera.stages.items():
                counts = times.cumulative((*BUCKETS, float("inf")))
                names = [*map(floatToGoString, BUCKETS), "+Inf"]
                stages.add_metric([camera.name, stage], [*zip(names, map(float, counts), strict=True)], times.total)
        yield stages


def _losses(status: ServiceStatus) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "edgeseg_lost_events", "Events that did not reach a slow or absent reader.", labels=["reader"]
    )
    for reader, number in status.lost_events.items():
        events.add_metric([reader], number)
    masks = CounterMetricFamily(
        "edgeseg_missed_masks", "Masks that came faster than this looked at them.", labels=["camera", "by"]
    )
    for camera in status.cameras:
        for by, number in camera.missed.items():
            masks.add_metric([camera.name, by], number)
    yield from (events, masks)


def _counters(cameras: tuple[CameraStatus, ...]) -> Iterator[Metric]:
    masks = CounterMetricFamily("edgeseg_masks", "Frames that got a mask.", labels=["camera"])
    skipped = CounterMetricFamily(
        "edgeseg_skipped_frames", "Frames that arrived and got no mask, by cause.", labels=["camera", "cause"]
    )
    reconnects = CounterMetricFamily(
        "edgeseg_reconnects", "Reconnections, by what ended the connection before.", labels=["camera", "cause"]
    )
    stalls = CounterMetricFamily("edgeseg_stalls", "How often no new frame came in time.", labels=["camera"])
    gaps = CounterMetricFamily("edgeseg_gaps", "Stretches without a frame.", labels=["camera"])
    gap_seconds = CounterMetricFamily("edgeseg_gap_seconds", "How long they were together.", labels=["camera"])
    freezes = CounterMetricFamily("edgeseg_freezes", "How often the picture did not change.", labels=["camera"])
    for camera in cameras:
        name, connection = [camera.name], camera.connection
        masks.add_metric(name, camera.masks)
        for cause, number in camera.skipped.items():
            skipped.add_metric([camera.name, cause], number)
        for cause, number in connection.reconnects.items():
            reconnects.add_metric([camera.name, cause], number)
        stalls.add_metric(name, connection.stalls)
        gaps.add_metric(name, connection.gaps)
        gap_seconds.add_metric(name, connection.gap_seconds)
        freezes.add_metric(name, connection.freezes)
    yield from (masks, skipped, reconnects, stalls, gaps, gap_seconds, freezes)


def _gauges(cameras: tuple[CameraStatus, ...]) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "edgeseg_camera_state", "1 for the state that it is in, 0 for the others.", labels=["camera", "state"]
    )
    frozen = GaugeMetricFamily("edgeseg_camera_frozen", "1 while its picture does not change.", labels=["camera"])
    fps = GaugeMetricFamily("edgeseg_masks_per_second", "Over the last 10 s.", labels=["camera"])
    age = GaugeMetricFamily(
        "edgeseg_mask_age_seconds", "Since the newest mask's frame was captured.", labels=["camera"]
    )
    fractions = GaugeMetricFamily(
        "edgeseg_class_fraction", "Share of the newest mask that a class has, 0 to 1.", labels=["camera", "class"]
    )
    for camera in cameras:
        name = [camera.name]
        for state in get_args(State):
            states.add_metric([camera.name, state], state == camera.state)
        frozen.add_metric(name, camera.frozen)
        fps.add_metric(name, camera.fps)
        if camera.age is not None:
            age.add_metric(name, camera.age)
        for class_name, fraction in camera.fractions.items():
            fractions.add_metric([camera.name, class_name], fraction)
    yield from (states, frozen, fps, age, fractions)


def _recordings(cameras: tuple[CameraStatus, ...]) -> Iterator[Metric]:
    active = GaugeMetricFamily("edgeseg_recording_active", "1 while frames are written.", labels=["camera"])
    segments = CounterMetricFamily("edgeseg_recording_segments", "Files that were finished.", labels=["camera"])
    written = CounterMetricFamily("edgeseg_recording_bytes", "Bytes that were written.", labels=["camera"])
    lost = CounterMetricFamily("edgeseg_recording_lost_frames", "Frames that were not recorded.", labels=["camera"])
    for camera in cameras:
        if (recording := camera.recording) is not None:
            active.add_metric([camera.name], recording.recording)
            segments.add_metric([camera.name], recording.segments)
            written.add_metric([camera.name], recording.bytes)
            lost.add_metric([camera.name], recording.lost)
    yield from (active, segments, written, lost)


def _drift(cameras: tuple[CameraStatus, ...]) -> Iterator[Metric]:
    drifting = GaugeMetricFamily("edgeseg_drifting", "1 while a figure has left its reference.", labels=["camera"])
    learnt = GaugeMetricFamily(
        "edgeseg_drift_reference_learnt", "Part of the reference that is learnt, 0 to 1.", labels=["camera"]
    )
    value = GaugeMetricFamily(
        "edgeseg_drift_value",
        "Moving average of a figure: distance of the mix of classes, confidence, churn; 0 to 1.",
        labels=["camera", "figure"],
    )
    deviation = GaugeMetricFamily(
        "edgeseg_drift_deviation", "Of a figure from its reference, in its spreads.", labels=["camera", "figure"]
    )
    for camera in cameras:
        if (drift := camera.drift) is not None:
            drifting.add_metric([camera.name], drift.state == "drifting")
            learnt.add_metric([camera.name], drift.learnt)
            for figure, number in drift.values.items():
                value.add_metric([camera.name, figure], number)
            for figure, number in drift.deviations.items():
                deviation.add_metric([camera.name, figure], number)
    yield from (drifting, learnt, value, deviation)
