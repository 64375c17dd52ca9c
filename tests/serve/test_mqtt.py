"""What a broker is told, by Debian's mosquitto."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt.client", reason="no MQTT: pip install 'edgeseg[mqtt]'")

import paho.mqtt.client as paho

import edgeseg
from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.mqtt import Mqtt
from edgeseg.serve.settings import MqttSettings
from edgeseg.video.access import Credentials
from tests.serve.broker import SECONDS, Broker, Reader
from tests.serve.web.small_service import SmallService
from tests.video.namespace import wait_until


@pytest.fixture(scope="module")
def model() -> Segmenter:
    return edgeseg.load("road-nano", threads=1)


@pytest.fixture
def service(model: Segmenter) -> SmallService:
    return SmallService(model, ("gate", "yard"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def reader(broker: Broker) -> Iterator[Reader]:
    opened = Reader(broker.port)
    yield opened
    opened.close()


@pytest.fixture
def mqtt(service: SmallService, broker: Broker, reader: Reader) -> Iterator[Mqtt]:
    del reader  # which has subscribed before
    started = Mqtt(service, MqttSettings("127.0.0.1", broker.port, "site/edge"))
    started.start()
    yield started
    started.close()


@pytest.mark.usefixtures("mqtt")
def test_states_and_events_are_told(service: SmallService, reader: Reader) -> None:
    assert reader.next("site/edge/service") == ("online", False)
    first = json.loads(reader.next("site/edge/cameras/gate/state")[0])
    assert (first["state"], first["frozen"]) == ("connecting", False)
    service.cameras["gate"].kill()
    event = json.loads(reader.next("site/edge/events")[0])
    assert event == service.events.newest(1)[0].to_json()
    state = json.loads(reader.next("site/edge/cameras/gate/state")[0])
    assert (state["state"], state["cause"]) == ("reconnecting", "refused")
    assert state["since"].endswith("Z")


@pytest.mark.usefixtures("mqtt")
def test_figures_are_told(service: SmallService, reader: Reader) -> None:
    figures = json.loads(reader.next("site/edge/cameras/yard/status")[0])
    expected = service.status().cameras[1].to_json()
    assert figures.keys() == expected.keys()
    assert figures["connection"] == expected["connection"]


@pytest.mark.usefixtures("mqtt")
def test_who_comes_later_gets_the_states(service: SmallService, broker: Broker, reader: Reader) -> None:
    service.cameras["yard"].revive()
    reader.next("site/edge/cameras/yard/state", lambda payload: json.loads(payload)["state"] == "live")
    later = Reader(broker.port)
    try:
        found: dict[str, str] = {}
        while len(found) < 3:
            topic, payload, retained = later.messages.get(timeout=SECONDS)
            if retained:
                found[topic] = payload
    finally:
        later.close()
    assert found["site/edge/service"] == "online"
    assert json.loads(found["site/edge/cameras/yard/state"])["state"] == "live"
    assert "site/edge/events" not in found


@pytest.mark.usefixtures("mqtt")
def test_a_camera_that_is_taken_away_is_taken_back(service: SmallService, reader: Reader) -> None:
    reader.next("site/edge/cameras/yard/state")
    service.cameras = {"gate": service.cameras["gate"]}
    assert reader.next("site/edge/cameras/yard/state") == ("", False)


def test_the_end_and_a_sudden_end_are_told(service: SmallService, reader: Reader, broker: Broker) -> None:
    first = Mqtt(service, MqttSettings("127.0.0.1", broker.port))
    first.start()
    reader.next("edgeseg/service", lambda payload: payload == "online")
    service.events.add("service", "stopped", "all is finished")
    first.close()
    assert "stopped" in reader.next("edgeseg/events", lambda payload: "stopped" in payload)[0]
    assert reader.next("edgeseg/service")[0] == "offline"
    second = Mqtt(service, MqttSettings("127.0.0.1", broker.port))
    second.start()
    reader.next("edgeseg/service", lambda payload: payload == "online")
    connection = second._client.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)  # as a crash or a cable does: the broker tells the last will
    assert reader.next("edgeseg/service")[0] == "offline"
    assert reader.next("edgeseg/service")[0] == "online"  # it comes back by itself
    second.close()


def test_what_happens_while_the_broker_is_away_is_told_later(service: SmallService, broker: Broker, mqtt: Mqtt) -> None:
    deadline = time.monotonic() + SECONDS
    while not mqtt._client.is_connected():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    broker.stop()
    while mqtt._client.is_connected():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    service.cameras["gate"].kill()
    time.sleep(0.5)
    broker.start()
    reader = Reader(broker.port)
    try:
        assert "refuses connections" in reader.next("site/edge/events")[0]
        state = reader.next("site/edge/cameras/gate/state", lambda payload: "reconnecting" in payload)
        assert json.loads(state[0])["cause"] == "refused"
    finally:
        reader.close()


def test_what_is_too_much_is_counted(
    service: SmallService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edgeseg.serve.mqtt.WAITING", 3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mqtt = Mqtt(service, MqttSettings("127.0.0.1", port))
    mqtt.start()
    for number in range(8):
        service.events.add("service", "warning", f"{number}")
    deadline = time.monotonic() + SECONDS
    while mqtt.lost != 5:
        assert time.monotonic() < deadline, mqtt.lost
        time.sleep(0.02)
    while "is not reached (Connection refused); trying again" not in caplog.text:
        assert time.monotonic() < deadline, caplog.text
        time.sleep(0.02)
    started = time.monotonic()
    mqtt.close(1.0)
    assert time.monotonic() - started < 5.0


def test_after_a_long_outage_the_service_is_online_again(
    service: SmallService, broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edgeseg.serve.mqtt.WAITING", 3)
    broker.stop()
    mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.port))
    mqtt.start()
    try:
        for number in range(8):
            service.events.add("service", "warning", f"{number}")
        deadline = time.monotonic() + SECONDS
        while mqtt.lost != 5:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        broker.start()
        reader = Reader(broker.port)
        assert reader.next("edgeseg/service")[0] == "online"
        assert json.loads(reader.next("edgeseg/cameras/gate/state")[0])["state"] == "connecting"
        reader.close()
    finally:
        mqtt.close()
    assert "5 events were lost while it was away" in caplog.text
    assert service.status().lost_events == {"mqtt": 5}


def test_a_state_that_does_not_reach_the_queue_is_told_again(
    service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.serve.mqtt.WAITING", 1)
    mqtt = Mqtt(service, MqttSettings("127.0.0.1"))
    cameras = service.status().cameras
    mqtt._tell_states(cameras)
    mqtt._client._out_messages.clear()  # as if the broker had it
    mqtt._tell_states(cameras)
    assert [message.topic for message in mqtt._client._out_messages.values()] == ["edgeseg/cameras/yard/state"]
    mqtt.close()


def test_a_farewell_that_does_not_arrive_leaves_the_last_will(
    service: SmallService, broker: Broker, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.port))
    mqtt.start()
    reader.next("edgeseg/service", lambda payload: payload == "online")
    monkeypatch.setattr(mqtt._client, "publish", lambda *_, **__: paho.MQTTMessageInfo(0))  # which never arrives
    mqtt.close(0.5)
    reader.next("edgeseg/service", lambda payload: payload == "offline")


def test_a_name_that_is_looked_up_for_long_does_not_hold_up_the_end(
    service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, end, answered = threading.Event(), threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> None:
        asked.set()
        end.wait(SECONDS)
        answered.set()
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    mqtt = Mqtt(service, MqttSettings("broker.house"))
    mqtt.start()
    assert asked.wait(SECONDS)
    mqtt.close(0.1)
    assert not answered.is_set()
    end.set()
    assert answered.wait(SECONDS)
    mqtt._stop()


def test_a_connection_that_comes_about_at_the_end_is_closed(
    service: SmallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, asked, end = socket.create_connection, threading.Event(), threading.Event()

    def late(*where: object, **how: object) -> socket.socket:
        asked.set()
        end.wait(SECONDS)
        return connect(*where, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("socket.create_connection", late)
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(SECONDS)
        mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.getsockname()[1]))
        mqtt.start()
        assert asked.wait(SECONDS)
        mqtt.close(0.1)
        end.set()
        connection, _ = broker.accept()
        with connection:
            connection.settimeout(SECONDS)
            while connection.recv(1000):
                pass
        mqtt._stop()


@pytest.mark.parametrize("waiting", [0, 3], ids=["the connection is lost just then", "too many messages wait"])
def test_a_farewell_that_cannot_be_sent_is_no_error(
    service: SmallService, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    monkeypatch.setattr("edgeseg.serve.mqtt.WAITING", 3)
    mqtt = Mqtt(service, MqttSettings("127.0.0.1"))
    monkeypatch.setattr(mqtt._client, "is_connected", lambda: True)
    ours, brokers = socket.socketpair()
    monkeypatch.setattr(mqtt._client, "socket", lambda: ours)
    for _ in range(waiting):
        mqtt._client.publish("topic", "payload", 1)
    with ours, brokers:
        mqtt.close()
        assert brokers.recv(1) == b""


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
    said = [record.getMessage() for record in caplog.records if "MQTT" in record.getMessage()]
    assert [sentence.rpartition(" refuses: ")[2] for sentence in said] == ["Not authorized"]


def test_a_broker_that_throws_the_service_out_is_told_once(
    service: SmallService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cloud brokers do with whoever may connect, but not publish; then it may."""
    caplog.set_level("INFO")
    monkeypatch.setattr("edgeseg.serve.mqtt.LONGEST_DELAY", 1)
    monkeypatch.setattr("edgeseg.serve.mqtt.STEADY", 3.0)

    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if "MQTT" in record.getMessage()]

    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(SECONDS)
        mqtt = Mqtt(service, MqttSettings("127.0.0.1", broker.getsockname()[1]))
        mqtt.start()
        try:
            for _ in range(5):
                answer(broker, 0).close()
            with answer(broker, 0):
                told = [sentence for sentence in said() if "ends each connection at once" in sentence]
                assert len(told) == 1
                assert "may this user publish below edgeseg/?" in told[0]
                assert len(said()) == 6  # connected and lost, twice; connected and thrown out
                wait_until(lambda: said()[-1].endswith("is connected"), SECONDS)
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
