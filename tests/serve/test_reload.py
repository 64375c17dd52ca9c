"""Settings that change while a service runs, without servers: who sees which network, and what cannot be started."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.serve.network import load_network
from edgeseg.serve.scheduler import Scheduler
from edgeseg.serve.service import Service
from edgeseg.serve.settings import BundleSettings, CameraSettings, RecordingSettings, Rule, ServiceSettings
from edgeseg.spec import Spec
from tests.serve.conftest import FakeSupervisor
from tests.video.namespace import wait_until

SECONDS = 60.0


def settings_of(bundle: Bundle, *cameras: CameraSettings) -> ServiceSettings:
    return ServiceSettings(BundleSettings(str(bundle.folder), "onnxruntime", batch="off"), cameras)


def camera(name: str) -> CameraSettings:
    return CameraSettings(name, f"rtsp://{name}/live")


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


@pytest.fixture
def service(bundle: Bundle, supervisors: list[FakeSupervisor]) -> Iterator[Service]:
    """Of two cameras, gate and yard."""
    settings = settings_of(bundle, camera("gate"), camera("yard"))
    service = Service(settings, load_network(settings.bundle, bundle), lambda: None)
    service.start()
    assert len(supervisors) == 2
    yield service
    assert service.close(SECONDS)


def test_no_camera_sees_a_network_of_other_classes(
    service: Service,
    supervisors: list[FakeSupervisor],
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[..., Bundle],
    put_golden: Callable[..., Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "other").mkdir()
    other = put_golden(make_bundle(tmp_path / "other" / "tiny", replace(spec, classes=("street", "car", "sky"))))
    exchange = Scheduler.replace
    before = service.cameras["gate"]

    def replace_then_put(*args: object) -> bool:
        free = exchange(*args)  # type: ignore[arg-type]
        supervisors[0].put(1)
        assert before.status().skipped["at_end"] == 1  # nobody can take it any more
        return free

    monkeypatch.setattr(Scheduler, "replace", replace_then_put)
    service.reload(settings_of(other, *service.settings.cameras), other)
    assert len(supervisors) == 4
    assert service.cameras["gate"] is not before
    assert service.status().classes == ("street", "car", "sky")


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), RuntimeError("can't start new thread")])
def test_a_camera_that_cannot_be_started_has_failed_and_the_others_run(
    service: Service,
    supervisors: list[FakeSupervisor],
    bundle: Bundle,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = FakeSupervisor.__init__

    def refuse(self: FakeSupervisor, name: str, *others: Any) -> None:
        if "gate" in name:
            raise error
        begin(self, name, *others)

    before = service.settings
    with monkeypatch.context() as patch:
        patch.setattr(FakeSupervisor, "__init__", refuse)
        changed = [replace(each, max_age=5.0) for each in before.cameras]
        service.reload(settings_of(bundle, *changed), bundle)
    gate, yard = service.status().cameras
    assert (gate.name, gate.state, gate.source) == ("gate", "failed", "rtsp://gate/live")
    assert str(error) in str(gate.reason)
    assert (yard.name, yard.state) == ("yard", "connecting")
    assert not service.status().healthy
    json.dumps(service.status().to_json(), allow_nan=False)
    assert [event.text for event in service.events.newest(9) if event.name == "failed"] == [gate.reason]
    assert [each.closed for each in supervisors] == [True, True, False]
    service.reload(settings_of(bundle, *changed), bundle)
    assert [each.state for each in service.status().cameras] == ["connecting", "connecting"]
    assert [each.closed for each in supervisors] == [True, True, False, False]  # yard went on


def test_what_was_opened_for_a_camera_that_cannot_be_started_is_closed(
    service: Service, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    recorded = replace(
        camera("gate"), recording=RecordingSettings(tmp_path), rules=(Rule("cars", "car", None, 0.0, 0.0),)
    )
    threads = set(threading.enumerate())
    for name in ("edgeseg.serve.sinks.Rules", "edgeseg.serve.camera.Supervisor"):
        with monkeypatch.context() as patch:
            patch.setattr(name, refuse)
            service.reload(settings_of(bundle, recorded), bundle)
        assert service.status().cameras[0].state == "failed"
        wait_until(lambda: set(threading.enumerate()) <= threads, SECONDS)


def test_a_recording_knows_the_folders_of_all_that_leave_room(
    service: Service, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Callable[[], list[Path]]] = []
    monkeypatch.setattr("edgeseg.serve.sinks.Recorder", lambda *arguments: asked.append(arguments[-1]))
    recordings = [RecordingSettings(tmp_path / "a", keep_free=1), RecordingSettings(tmp_path / "b")]
    cameras = [replace(camera(f"c{at}"), recording=each) for at, each in enumerate(recordings)]
    service.reload(settings_of(bundle, *cameras), bundle)
    assert [folders() for folders in asked] == [[tmp_path / "a"]] * 2
    service.reload(settings_of(bundle, camera("gate")), bundle)
    assert asked[0]() == []
