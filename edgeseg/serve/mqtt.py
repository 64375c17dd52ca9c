"""State and events of a service, told to an MQTT broker.

    edgeseg/service               "online", or "offline" when it ended or was lost (retained, last will)
    edgeseg/cameras/NAME/state    its state, since when and why, as JSON (retained, at each change)
    edgeseg/cameras/NAME/status   all its figures, as `/api/status` gives them (every 10 s)
    edgeseg/events                each event, as JSON

The first part is the `topic` of the settings. All goes out with QoS 1. While the broker is away the client comes back
by itself; what is told meanwhile waits, WAITING messages of it, and what is more is dropped and counted. When it is
back all states are told anew.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeseg.certificates import context_of
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.settings import MqttSettings
from edgeseg.serve.status import CameraStatus, ServiceStatus
from edgeseg.serve.together import together

PERIOD = 10.0
"""Seconds between two times that all figures are told."""

TICK = 1.0
"""Seconds between two looks at the cameras' states, which events tell of too."""

WAITING = 1000
"""Messages that wait for the broker."""

LONGEST_DELAY = 30
"""Seconds between two attempts to connect."""

STEADY, SHORT = 10.0, 3
"""Seconds that a connection lasts which stands; shorter ones in a row, after which the client comes back slowly."""

THROWS_OUT = "ends each connection at once"
"""What a broker may do that does not let this user publish."""

REFUSES = "refuses"
"""What a broker does that wants another user or password."""

_log = logging.getLogger("edgeseg.serve")


class Service(Protocol):
    """What is told of."""

    @property
    def events(self) -> EventLog:
        """What happened."""

    def status(self) -> ServiceStatus:
        """Where it stands now."""


class Mqtt:
    """Tells a broker what becomes of a service, until it is closed."""

    def __init__(self, service: Service, settings: MqttSettings) -> None:
        """Makes it; `start` connects.

        Args:
            service: whose states and events they are.
            settings: of the broker.

        Raises:
            UsageError: the certificates to verify the broker against cannot be used.
        """
        self._service = service
        self._settings = settings
        self._where = f"{settings.host}:{settings.port}"
        self._said = ""
        self._since = 0.0  # time.monotonic() of the last connection
        self._short = 0  # connections in a row of which none has lasted yet
        self._told: dict[str, tuple[object, ...]] = {}  # by camera: what the broker has
        self._anew = threading.Event()  # the broker may have forgotten
        self._closed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.max_queued_messages_set(WAITING)
        self._client.reconnect_delay_set(1, LONGEST_DELAY)
        self._client.will_set(self._topic("service"), "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._unreachable
        self._client.on_disconnect = self._disconnected
        if settings.credentials is not None:
            self._client.username_pw_set(settings.credentials.user, settings.credentials.password)
        if settings.ca is not None:
            self._client.tls_set_context(context_of(settings.ca))
        self._subscription = service.events.subscribe("mqtt")
        self._thread = threading.Thread(target=self._tell, name="edgeseg-mqtt", daemon=True)

    def start(self) -> None:
        """Begins to connect, and to tell."""
        self._client.connect_async(self._settings.host, self._settings.port)
        self._client.loop_start()
        self._thread.start()

    @property
    def lost(self) -> int:
        """Events that were dropped, as too many waited for the broker."""
        return self._subscription.lost

    def close(self, seconds: float = 2.0) -> None:
        """Tells what is left and that the service is gone, within so many seconds; more calls do nothing.

        A thread that looks up the broker's name or connects cannot be stopped; it ends by itself, and tells nothing.
        """
        if self._closed.is_set():
            return
        deadline = time.perf_counter() + seconds
        self._closed.set()
        self._subscription.close()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        connection = self._client.socket()
        if isinstance(connection, socket.socket) and not self._say_farewell(deadline):
            with suppress(OSError):  # an end in order would leave "online" for ever; now the broker tells the last will
                connection.shutdown(socket.SHUT_RDWR)
        else:
            self._client.disconnect()
        together([self._stop], deadline)

    def _say_farewell(self, deadline: float) -> bool:
        """Whether the broker has it in time."""
        farewell = self._client.publish(self._topic("service"), "offline", qos=1, retain=True)
        try:
            farewell.wait_for_publish(max(0.0, deadline - time.perf_counter()))
            return farewell.is_published()
        except (RuntimeError, ValueError):  # the connection was lost just now, or too many messages wait
            return False

    def _stop(self) -> None:
        """Waits for the client's thread, however long that takes."""
        with suppress(AttributeError):  # of paho, whose thread may end between its two looks at it
            self._client.loop_stop()
        left = self._client.socket()  # by paho, where the thread had just connected
        if isinstance(left, socket.socket):
            left.close()

    def _tell(self) -> None:
        online, due, said = False, 0.0, 0
        while True:
            event = self._subscription.get(TICK)
            if event is not None:
                if not self._publish("events", event.to_json()):
                    self._subscription.lose()
            elif self._closed.is_set():
                return
            if self._anew.is_set():
                self._anew.clear()
                self._told = dict.fromkeys(self._told, ())
                online, due = False, 0.0
            if not self._client.is_connected():
                continue
            if self._short and time.monotonic() - self._since > STEADY:
                self._short = 0
                self._client.reconnect_delay_set(1, LONGEST_DELAY)
                self._say("is connected")
            if not online:
                online = self._publish("service", "online", retain=True)
            if self.lost > said:
                _log.warning("MQTT broker %s: %d events were lost while it was away", self._where, self.lost - said)
                said = self.lost
            status = self._service.status()
            self._tell_states(status.cameras)
            if time.monotonic() >= due:
                due = time.monotonic() + PERIOD
                for camera in status.cameras:
                    self._publish(f"cameras/{camera.name}/status", camera.to_json())

    def _tell_states(self, cameras: tuple[CameraStatus, ...]) -> None:
        """Tells those that changed, and takes back those of cameras that are gone."""
        for camera in cameras:
            drift = None if camera.drift is None else camera.drift.state
            news = camera.state, camera.frozen, camera.cause, drift
            if self._told.get(camera.name) != news:
                since = datetime.now(timezone.utc) - timedelta(seconds=camera.seconds)
                state = {
                    "state": camera.state,
                    "since": since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "frozen": camera.frozen,
                    "cause": camera.cause,
                    "reason": camera.reason,
                    "drift": drift,
                }
                if self._publish(f"cameras/{camera.name}/state", state, retain=True):
                    self._told[camera.name] = news
        for name in self._told.keys() - {camera.name for camera in cameras}:
            if self._publish(f"cameras/{name}/state", None, retain=True):
                del self._told[name]

    def _publish(self, topic: str, data: Mapping[str, Any] | str | None, *, retain: bool = False) -> bool:
        """Sends an object as JSON, or a word; None takes a retained one back. False: too many messages wait."""
        payload = json.dumps(data, allow_nan=False) if isinstance(data, Mapping) else data
        return self._client.publish(self._topic(topic), payload, 1, retain).rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE

    def _topic(self, name: str) -> str:
        return f"{self._settings.topic}/{name}"

    def _connected(
        self,
        client: paho.Client,
        _data: object,
        _flags: paho.ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._closed.is_set():
            client.disconnect()
            return
        if code.is_failure:
            self._say(f"{REFUSES}: {code}")
            return
        self._since, self._short = time.monotonic(), self._short + 1
        if self._short <= SHORT:
            self._say("is connected")
        self._anew.set()

    def _disconnected(
        self,
        _client: paho.Client,
        _data: object,
        _flags: paho.DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._closed.is_set() or self._said.startswith(REFUSES):  # which ends the connection too
            return
        if self._short < SHORT:
            self._say(f"is lost: {code}")
        else:
            self._client.reconnect_delay_set(LONGEST_DELAY, LONGEST_DELAY)
            self._say(f"{THROWS_OUT} ({code}); may this user publish below {self._settings.topic}/?")

    def _unreachable(self, _client: paho.Client, _data: object) -> None:
        error = sys.exc_info()[1]  # of which paho, which handles it now, says nothing
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
        self._say(f"is not reached ({f'{reason}'.rstrip('.')}); trying again until it is")

    def _say(self, what: str) -> None:
        """Writes what became of the broker into the log, once as long as it stays the same."""
        if what != self._said:
            self._said = what
            level = logging.INFO if what == "is connected" else logging.WARNING
            _log.log(level, "MQTT broker %s %s", self._where, what)
