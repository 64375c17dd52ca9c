"""What a broker is told at the end, whatever becomes of it: the connection hangs, or comes about too late."""

from __future__ import annotations

import socket
import threading

import pytest

pytest.importorskip("paho.mqtt.client", reason="no MQTT: pip install 'edgeseg[mqtt]'")

import paho.mqtt.client as paho

from edgeseg.serve.mqtt import Mqtt
from edgeseg.serve.settings import MqttSettings
from tests.serve.broker import SECONDS, Broker, Reader
from tests.serve.web.small_service import SmallService


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
