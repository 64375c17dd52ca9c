"""Page and MQTT come and go with the settings, and what cannot be had ends nothing."""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.serve.fronts import Fronts, check_packages
from edgeseg.serve.network import load_network
from edgeseg.serve.service import Service
from edgeseg.serve.settings import (
    BundleSettings,
    CameraSettings,
    ListenSettings,
    MqttSettings,
    ServiceSettings,
)
from edgeseg.spec import Spec
from tests.serve.conftest import FakeSupervisor
from tests.video.namespace import free_port

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
pytest.importorskip("paho.mqtt")

pytestmark = pytest.mark.usefixtures("no_thread_left")


@pytest.fixture
def service(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], supervisors: list[FakeSupervisor]
) -> Iterator[Service]:
    """One that listens at a free port."""
    del supervisors
    bundle = make_bundle(tmp_path / "tiny", spec)
    settings = ServiceSettings(
        BundleSettings(str(bundle.folder), "onnxruntime"),
        (CameraSettings("gate", "rtsp://gate"),),
        ListenSettings("127.0.0.1", int(free_port())),
    )
    service = Service(settings, load_network(settings.bundle, bundle), lambda: None)
    service.start()
    yield service
    service.close()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=60) as answer:
            return b"gate" in answer.read()
    except OSError:
        return False


def test_the_page_moves_to_another_port_and_away(service: Service) -> None:
    assert service.settings.listen is not None
    first, second = service.settings.listen.port, int(free_port())
    fronts = Fronts(service)
    fronts.start()
    assert answers(first)
    settings = replace(service.settings, listen=ListenSettings("127.0.0.1", second))
    fronts.change(settings)
    assert answers(second)
    assert not answers(first)
    fronts.change(replace(settings, listen=None))
    assert not answers(second)
    fronts.change(settings)
    assert answers(second)
    fronts.close()
    fronts.close()
    assert not answers(second)
    fronts.change(service.settings)
    assert not answers(first)


def test_a_port_in_use_is_an_error_at_first_and_an_event_later(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = replace(service.settings, listen=ListenSettings("127.0.0.1", port))
        fronts = Fronts(service)
        fronts.start()
        fronts.change(taken)
        event = service.events.newest(1)[0]
        assert (event.kind, event.name) == ("service", "refused")
        assert str(port) in event.text
        assert service.settings.listen is not None
        assert not answers(service.settings.listen.port)
        fronts.close()
        service.settings = taken
        with pytest.raises(UsageError, match=str(port)):
            Fronts(service)


def test_a_broker_that_is_not_there_holds_nothing_up(service: Service) -> None:
    service.settings = replace(service.settings, mqtt=MqttSettings("127.0.0.1", int(free_port())))
    check_packages(service.settings)
    fronts = Fronts(service)
    fronts.start()
    fronts.change(replace(service.settings, mqtt=None))
    fronts.change(service.settings)
    fronts.close()


def test_packages_are_asked_for_where_they_are_needed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edgeseg.serve.web.server", None)
    check_packages(replace(service.settings, listen=None))
    with pytest.raises(ModuleNotFoundError):
        check_packages(service.settings)
