"""Debian's mosquitto, and a client that reads what it was told."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

pytest.importorskip("paho.mqtt.client", reason="no MQTT: pip install 'edgeseg[mqtt]'")

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

SECONDS = 30.0


class Broker:
    """mosquitto on a port of 127.0.0.1, which can be stopped and started."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true") -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            pytest.skip("no mosquitto: tests/install-servers.sh installs it")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        path = folder / "mosquitto.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\n{settings}\n")
        self._command = [program, "-c", str(path)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Reader:
    """Subscribes to all topics."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        self.messages: Queue[tuple[str, Any, bool]] = Queue()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.messages.put(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(SECONDS)

    def next(self, topic: str, condition: Callable[[str], bool] = lambda _: True) -> tuple[str, bool]:
        """The payload of the next message of a topic, and whether it was retained; others are passed over."""
        while True:
            found, payload, retained = self.messages.get(timeout=SECONDS)
            if found == topic and condition(payload):
                return payload, retained

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
