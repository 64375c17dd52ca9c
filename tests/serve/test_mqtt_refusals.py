"""Brokers that refuse the service or throw it out, and certificates that are not trusted."""

from __future__ import annotations

import contextlib
import gc
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt.client", reason="no MQTT: pip install 'edgeseg[mqtt]'")

from edgeseg.errors import UsageError
from edgeseg.serve.mqtt import Mqtt
from edgeseg.serve.settings import MqttSettings
from edgeseg.video.access import Credentials
from tests.serve.broker import SECONDS, Broker, Reader
from tests.serve.web.small_service import SmallService
from tests.video.namespace import wait_until


def test_user_and_password(service: SmallService, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("no mosquitto_passwd: tests/install-servers.sh installs it")
    passwords = tmp_path / "passwords"
    passwords.touch()
    passwords.chmod(0o644)
    subprocess.run([program, "-b", str(passwords), "edge", "secret"], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = Broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}\nuser root")
    wrong = Mqtt(service, MqttSettings("127.0.0.1", broker.port, credentials=Credentials("edge", "wrong")))
    right = Mqtt(service, MqttSettings("127.0.0.1", broker.port, credentials=Credentials("edge", "secret")))
    try:
        reader = Reader(broker.port, "edge", "secret")
        wrong.start()
        deadline = time.monotonic() + SECONDS
        while "refuses: Not authorized" not in caplog.text:
            assert time.monotonic() < deadline, caplog.text
            time.sleep(0.02)
        right.start()
        assert reader.next("edgeseg/service")[0] == "online"
        reader.close()
    finally:
        wrong.close()
        right.close()
        broker.stop()
    assert "secret" not in caplog.text


def answer(broker: socket.socket, code: int) -> socket.socket:
    """Takes the next connection and answers its CONNECT with a CONNACK of that return code."""
    connection, _ = broker.accept()
    connection.recv(1000)
    connection.sendall(bytes((0x20, 2, 0, code)))
    return connection


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of MQTT."""
    return [record.getMessage() for record in caplog.records if "MQTT" in record.getMessage()]


def test_a_broker_that_refuses_is_told_once(service: SmallService, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(SECONDS)
        mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.getsockname()[1]))
        mqtt.start()
        try:
            for _ in range(3):
                answer(broker, 5).close()  # not authorised
        finally:
            mqtt.close()
    assert [sentence.rpartition(" refuses: ")[2] for sentence in said(caplog)] == ["Not authorized"]


def test_a_broker_that_throws_the_service_out_is_told_once(
    service: SmallService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cloud brokers do with whoever may connect, but not publish; then it may."""
    caplog.set_level("INFO")
    monkeypatch.setattr("edgeseg.serve.mqtt.LONGEST_DELAY", 1)
    monkeypatch.setattr("edgeseg.serve.mqtt.STEADY", 3.0)

    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(SECONDS)
        mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.getsockname()[1]))
        mqtt.start()
        try:
            for _ in range(5):
                answer(broker, 0).close()
            with answer(broker, 0):
                told = [sentence for sentence in said(caplog) if "ends each connection at once" in sentence]
                assert len(told) == 1
                assert "may this user publish below edgeseg/?" in told[0]
                assert len(said(caplog)) == 6  # connected and lost, twice; connected and thrown out
                wait_until(lambda: said(caplog)[-1].endswith("is connected"), SECONDS)
        finally:
            mqtt.close()


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho leaves it to Python
def test_a_certificate_that_is_not_trusted_is_said(
    service: SmallService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One of another machine; one that expired is refused in the same place."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other"]
    try:
        subprocess.run([*command, "-out", str(cert), "-keyout", str(key)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl: tests/install-servers.sh installs it")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        plain.settimeout(SECONDS)
        mqtt = Mqtt(service, MqttSettings("127.0.0.1", plain.getsockname()[1], ca=cert))
        mqtt.start()
        try:
            connection, _ = plain.accept()
            with contextlib.suppress(OSError), connection:
                context.wrap_socket(connection, server_side=True)
            wait_until(lambda: "is not reached (" in caplog.text)
        finally:
            mqtt.close()
            gc.collect()  # while the warning of it is ignored
    assert "certificate is not valid for '127.0.0.1'" in caplog.text


def test_certificates_that_are_none_are_refused(service: SmallService, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    with pytest.raises(UsageError, match="holds no certificates in PEM"):
        Mqtt(service, MqttSettings("127.0.0.1", ca=path))
