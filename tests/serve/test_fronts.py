"""Page and MQTT come and go with the settings, and what cannot be had ends nothing."""

from __future__ import annotations

import socket
import ssl
import subprocess
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


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signed itself, and its key; renewed in place if they are there."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-out", str(certificate), "-keyout", str(key)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl: tests/install-servers.sh installs it")
    return certificate, key


def shown(port: int) -> str:
    """The certificate that a server shows, in PEM."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=60)


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


def test_what_could_not_be_had_is_tried_again(service: Service, tmp_path: Path) -> None:
    fronts = Fronts(service)
    fronts.start()
    certificates = tmp_path / "ca.pem"
    certificates.write_text("nothing")
    settings = replace(
        service.settings,
        listen=ListenSettings("127.0.0.1", int(free_port())),
        mqtt=MqttSettings("127.0.0.1", int(free_port()), ca=certificates),
    )
    assert settings.listen is not None
    with socket.create_server(("127.0.0.1", settings.listen.port)):
        fronts.change(settings)
        refusals = [event.text for event in service.events.newest(2)]
        assert "ca.pem" in refusals[0]
        assert str(settings.listen.port) in refusals[1]
    fronts.change(settings)
    assert answers(settings.listen.port)
    make_certificate(tmp_path)[0].rename(certificates)
    fronts.change(settings)
    assert fronts._mqtt is not None
    fronts.close()


def test_a_certificate_that_was_renewed_is_loaded(service: Service, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    listen = ListenSettings("127.0.0.1", int(free_port()), None, certificate, key)
    settings = replace(service.settings, listen=listen)
    fronts = Fronts(service)
    fronts.start()
    fronts.change(settings)
    web = fronts._web
    fronts.change(settings)
    assert fronts._web is web  # nothing was renewed
    first = certificate.read_text()
    assert shown(listen.port) == first
    make_certificate(tmp_path)
    fronts.change(settings)
    assert shown(listen.port) == certificate.read_text() != first
    fronts.close()


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
