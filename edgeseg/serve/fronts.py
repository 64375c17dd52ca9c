"""How a service is seen from outside: its page and API, and what a broker is told; as its settings say."""

from __future__ import annotations

import hashlib
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.errors import EdgeSegError
from edgeseg.serve.service import Service
from edgeseg.serve.settings import ListenSettings, MqttSettings, ServiceSettings

if TYPE_CHECKING:
    from edgeseg.serve.mqtt import Mqtt
    from edgeseg.serve.web.server import WebServer


class Fronts:
    """The web server and the MQTT client of a service, where it is to have them."""

    def __init__(self, service: Service) -> None:
        """Opens what the service's settings ask for; nothing is answered or told before `start`.

        Raises:
            UsageError: the port is in use, or a certificate cannot be used.
            ModuleNotFoundError: a package of the extras web or mqtt is missing.
        """
        self._service = service
        self._changing = threading.Lock()  # guards all that follows
        self._closed = False
        self._listen, self._broker = _version(service.settings.listen), _version(service.settings.mqtt)  # what runs
        with ExitStack() as stack:
            self._web = _web(service, service.settings.listen)
            if self._web is not None:
                stack.callback(self._web.close)
            self._mqtt = _mqtt(service, service.settings.mqtt)
            stack.pop_all()

    def start(self) -> None:
        """Begins to answer and to tell."""
        if self._web is not None:
            self._web.start()
        if self._mqtt is not None:
            self._mqtt.start()

    def change(self, settings: ServiceSettings) -> None:
        """Ends what is not wanted so any more, and starts what is; an event says what cannot be had.

        That is tried again at the next change, and certificates that were renewed in place are loaded.

        Args:
            settings: that the service has taken over.
        """
        changes = partial(self._change_mqtt, settings.mqtt), partial(self._change_web, settings.listen)
        with self._changing:
            for change in () if self._closed else changes:
                try:
                    change()
                except (EdgeSegError, ModuleNotFoundError) as error:
                    sentence = f"listen or mqtt cannot be opened as the settings say: {error}"
                    self._service.events.add("service", "refused", sentence)

    def _change_mqtt(self, settings: MqttSettings | None) -> None:
        wanted = _version(settings)
        if wanted == self._broker:
            return
        if self._mqtt is not None:
            self._mqtt.close()
        self._mqtt = self._broker = None
        self._mqtt = _mqtt(self._service, settings)
        if self._mqtt is not None:
            self._mqtt.start()
        self._broker = wanted

    def _change_web(self, settings: ListenSettings | None) -> None:
        wanted = _version(settings)
        if wanted == self._listen:
            return
        if self._web is not None:
            self._web.close()
        self._web = self._listen = None
        self._web = _web(self._service, settings)
        if self._web is not None:
            self._web.start()
        self._listen = wanted

    def close(self) -> None:
        """Ends both; more calls do nothing."""
        with self._changing:
            if self._closed:
                return
            self._closed = True
            for front in (self._web, self._mqtt):
                if front is not None:
                    front.close()


def _version(settings: ListenSettings | MqttSettings | None) -> tuple[object, ...] | None:
    """The settings, and hashes of the certificates that they name, which may be renewed in place; None for none."""
    if settings is None:
        return None
    files = (settings.certificate, settings.key) if isinstance(settings, ListenSettings) else (settings.ca,)
    return settings, *(None if file is None else _hash(file) for file in files)


def _hash(file: Path) -> bytes | None:
    """Of what is in it; None where it cannot be read, which whoever loads it says."""
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return None


def _web(service: Service, settings: ListenSettings | None) -> WebServer | None:
    if settings is None:
        return None
    from edgeseg.serve.web.server import WebServer

    server = WebServer(service, settings)
    service.events.add("service", "listening", f"the page is at {server.url}")
    return server


def _mqtt(service: Service, settings: MqttSettings | None) -> Mqtt | None:
    if settings is None:
        return None
    from edgeseg.serve.mqtt import Mqtt

    return Mqtt(service, settings)


def check_packages(settings: ServiceSettings) -> None:
    """Raises ModuleNotFoundError where a package is missing that the settings ask for."""
    if settings.listen is not None:
        import edgeseg.serve.web.server
    if settings.mqtt is not None:
        import edgeseg.serve.mqtt  # noqa: F401
