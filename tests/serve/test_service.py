"""A whole service with cameras on this machine: each for itself, settings that change, an end in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.serve.network import load_network
from edgeseg.serve.service import Service
from edgeseg.serve.settings import (
    BundleSettings,
    CameraSettings,
    LabellingSettings,
    RecordingSettings,
    Rule,
    ServiceSettings,
)
from edgeseg.spec import Spec
from tests.video.namespace import Loopback, free_port, wait_until

pytestmark = pytest.mark.usefixtures("no_thread_left")

SECONDS = 120.0

Start = Callable[..., Service]


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


@pytest.fixture
def start(bundle: Bundle) -> Iterator[Service | Start]:
    """`start(camera, ...)`: a service of that bundle."""
    services: list[Service] = []

    def start(*cameras: CameraSettings) -> Service:
        settings = settings_of(bundle, *cameras)
        services.append(Service(settings, load_network(settings.bundle, bundle), lambda: None))
        services[-1].start()
        return services[-1]

    yield start
    for service in services:
        assert service.close(SECONDS)


def settings_of(bundle: Bundle, *cameras: CameraSettings) -> ServiceSettings:
    return ServiceSettings(BundleSettings(str(bundle.folder), "onnxruntime"), cameras)


def camera(name: str, port: str) -> CameraSettings:
    return CameraSettings(name, f"http://127.0.0.1:{port}", timeout=5.0, stall_after=1.0)


def masks(service: Service) -> dict[str, int]:
    return {each.name: each.masks for each in service.status().cameras}


def states(service: Service) -> dict[str, str]:
    return {each.name: each.state for each in service.status().cameras}


def test_four_cameras_of_which_one_dies_and_comes_back(start: Start, loopback: Loopback) -> None:
    ports = [free_port() for _ in range(4)]
    servers = [loopback.start("mjpeg", port, f"size={64 + 16 * at}x48") for at, port in enumerate(ports)]
    names = ["north", "east", "south", "west"]
    service = start(*map(camera, names, ports))
    wait_until(lambda: all(count >= 5 for count in masks(service).values()), SECONDS)
    loopback.stop(servers[0])
    wait_until(lambda: states(service)["north"] == "reconnecting", SECONDS)
    before = masks(service)
    assert not service.status().healthy
    wait_until(lambda: all(masks(service)[name] >= before[name] + 10 for name in names[1:]), SECONDS)
    assert masks(service)["north"] == before["north"]  # nothing is made up
    loopback.start("mjpeg", ports[0])
    wait_until(lambda: masks(service)["north"] >= before["north"] + 5, SECONDS)
    status = service.status()
    assert status.healthy
    assert [each.connection.gaps for each in status.cameras] == [1, 0, 0, 0]
    assert [each.width for each in status.cameras] == [64, 80, 96, 112]
    json.dumps(status.to_json(), allow_nan=False)


def test_masks_are_those_of_the_bundle(start: Start, loopback: Loopback, bundle: Bundle) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    service = start(camera("gate", port))
    wait_until(lambda: service.cameras["gate"].newest is not None, SECONDS)
    result = service.cameras["gate"].newest
    assert result is not None
    assert result.mask is not None
    assert np.array_equal(service.model(result.frame), result.mask)
    assert service.status().sha256 == bundle.artifacts[0].sha256


def test_cameras_that_did_not_change_go_on_without_a_gap(start: Start, loopback: Loopback, bundle: Bundle) -> None:
    ports = [free_port() for _ in range(3)]
    for port in ports:
        loopback.start("mjpeg", port)
    one, two, three = map(camera, ["one", "two", "three"], ports)
    service = start(one, two)
    wait_until(lambda: all(count >= 3 for count in masks(service).values()), SECONDS)
    kept, changed = service.cameras["one"], service.cameras["two"]
    service.reload(settings_of(bundle, three, one, replace(two, max_age=30.0)), bundle)
    assert list(service.cameras) == ["three", "one", "two"]
    assert service.cameras["one"] is kept
    assert service.cameras["two"] is not changed
    before = masks(service)
    wait_until(lambda: all(count >= before[name] + 3 for name, count in masks(service).items()), SECONDS)
    assert service.cameras["one"].status().connection.gaps == 0
    service.reload(settings_of(bundle, one), bundle)
    assert list(service.cameras) == ["one"]
    assert service.cameras["one"] is kept


def test_a_camera_that_failed_is_started_again(start: Start, loopback: Loopback, bundle: Bundle) -> None:
    port = free_port()
    settings = replace(camera("gate", port), give_up_after=0.5)
    service = start(settings)
    wait_until(lambda: states(service)["gate"] == "failed", SECONDS)
    loopback.start("mjpeg", port)
    service.reload(settings_of(bundle, replace(settings, give_up_after=None)), bundle)
    wait_until(lambda: masks(service)["gate"] > 0, SECONDS)


@pytest.fixture
def another(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], put_golden: Callable[..., Bundle]
) -> Bundle:
    """Another bundle of the same classes, with golden frames."""
    (tmp_path / "other").mkdir()
    return put_golden(make_bundle(tmp_path / "other" / "tiny", replace(spec, width=40, name="another")))


def test_a_new_bundle_that_gives_its_golden_masks_takes_over(
    start: Start, loopback: Loopback, bundle: Bundle, another: Bundle
) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    service = start(camera("gate", port))
    wait_until(lambda: masks(service)["gate"] >= 3, SECONDS)
    kept, old = service.cameras["gate"], service.model
    service.reload(settings_of(another, *service.settings.cameras), another)
    assert service.status().bundle == "another"
    assert service.cameras["gate"] is kept
    before = masks(service)["gate"]
    wait_until(lambda: masks(service)["gate"] >= before + 5, SECONDS)
    newest = kept.newest
    assert newest is not None
    assert newest.mask is not None
    assert np.array_equal(service.model(newest.frame), newest.mask)
    assert kept.status().connection.gaps == 0
    with pytest.raises(EngineError, match="closed"):
        old(newest.frame)
    assert bundle != another


def test_a_bundle_that_proves_nothing_or_something_else_is_refused(
    start: Start, loopback: Loopback, bundle: Bundle, another: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    service = start(camera("gate", port))
    old = service.model
    service.reload(settings_of(another, *service.settings.cameras), another)
    with pytest.raises(EngineError, match="no golden frames to prove itself with"):
        service.reload(settings_of(bundle, *service.settings.cameras), bundle)
    monkeypatch.setattr("edgeseg.proof.least", lambda _: 100.1)
    wanted = settings_of(another, *service.settings.cameras)
    wanted = replace(wanted, bundle=replace(wanted.bundle, threads=1, mode="latency"))
    with pytest.raises(EngineError, match=r"its masks of the golden frames have 100\.00 % of fp32's pixels"):
        service.reload(wanted, another)
    assert service.status().bundle == "another"
    assert service.model is not old
    before = masks(service)["gate"]
    wait_until(lambda: masks(service)["gate"] >= before + 3, SECONDS)


def test_other_classes_start_the_cameras_again(
    start: Start,
    loopback: Loopback,
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[..., Bundle],
    put_golden: Callable[..., Bundle],
) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    service = start(camera("gate", port))
    before = service.cameras["gate"]
    (tmp_path / "other").mkdir()
    renamed = replace(spec, classes=("street", "car", "sky"))
    other = put_golden(make_bundle(tmp_path / "other" / "tiny", renamed))
    service.reload(settings_of(other, *service.settings.cameras), other)
    assert service.cameras["gate"] is not before
    wait_until(lambda: "street" in service.status().cameras[0].fractions, SECONDS)


def test_closing_takes_little_time_and_more_calls_do_nothing(start: Start, loopback: Loopback) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    service = start(camera("gate", port), camera("nobody", free_port()))
    wait_until(lambda: masks(service)["gate"] > 0, SECONDS)
    assert service.close()
    assert service.close(0.0)
    assert service.events.newest(1)[0].text == "all is finished"


def test_nothing_changes_after_the_end(start: Start, bundle: Bundle) -> None:
    service = start(camera("gate", free_port()))
    assert service.close()
    service.reload(settings_of(bundle, camera("yard", free_port())), bundle)
    assert list(service.cameras) == ["gate"]


def test_a_camera_is_recorded_and_its_status_says_so(start: Start, loopback: Loopback, tmp_path: Path) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    (tmp_path / "rec").mkdir()
    recording = RecordingSettings(tmp_path / "rec", segment_seconds=1.0, masks=True)
    service = start(replace(camera("gate", port), recording=recording))

    def segments() -> int:
        status = service.status().cameras[0].recording
        assert status is not None
        assert status.reason is None
        return status.segments

    wait_until(lambda: segments() >= 3, SECONDS)
    assert service.close()
    videos, masks = (sorted((tmp_path / "rec").glob(f"gate-*{ending}")) for ending in (".mp4", "-masks.mkv"))
    assert videos
    assert masks
    assert not list((tmp_path / "rec").glob(".*"))
    with av.open(str(videos[0])) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0


def test_rules_make_events_and_doubted_frames_are_kept(
    start: Start, loopback: Loopback, tmp_path: Path, spec: Spec
) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    (tmp_path / "label").mkdir()
    rules = tuple(Rule(f"some {name}", name, None, above=0.0, below=0.0) for name in spec.classes)
    labelling = LabellingSettings(tmp_path / "label", every=0.5)
    service = start(replace(camera("gate", port), rules=rules, labelling=labelling))
    wait_until(lambda: any(event.kind == "rule" for event in service.events.newest(100)), SECONDS)
    event = next(event for event in service.events.newest(100) if event.kind == "rule")
    assert (event.camera, event.active) == ("gate", True)
    assert event.name in [rule.name for rule in rules]
    wait_until(lambda: len(list((tmp_path / "label").rglob("gate-*.jpg"))) > 0, SECONDS)
    assert not [event for event in service.events.newest(100) if event.name == "sink_failed"]
