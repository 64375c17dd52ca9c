"""What a broker is told, by Debian's mosquitto."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("paho.mqtt.client", reason="no MQTT: pip install 'edgeseg[mqtt]'")

from edgeseg.serve.mqtt import Mqtt
from edgeseg.serve.settings import MqttSettings
from tests.serve.broker import SECONDS, Broker, Reader
from tests.serve.web.small_service import SmallService


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
