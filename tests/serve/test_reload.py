"""Settings that change while a service runs, without servers: who sees which network, and what cannot be started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.serve.network import load_network
from edgeseg.serve.scheduler import Scheduler
from edgeseg.serve.service import Service
from edgeseg.serve.settings import BundleSettings, CameraSettings, ServiceSettings
from edgeseg.spec import Spec
from tests.serve.conftest import FakeSupervisor

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
