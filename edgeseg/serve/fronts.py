"""How a service is seen from outside: its page and API, and what a broker is told; as its settings say."""

from __future__ import annotations

import threading
from contextlib import ExitStack
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
        self._settings = service.settings
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

        Args:
            settings: that the service has taken over.
        """
        with self._changing:
            before, self._settings = self._settings, settings
            if self._closed:
                return
            try:
                if settings.mqtt != before.mqtt:
                    self._change_mqtt(settings.mqtt)
                if settings.listen != before.listen:
                    self._change_web(settings.listen)
            except (EdgeSegError, ModuleNotFoundError) as error:
                self._service.events.add("service", "refused", f"listen or mqtt cannot be as the settings say: {error}")

    def _change_mqtt(self, settings: MqttSettings | None) -> None:
        if self._mqtt is not None:
            self._mqtt.close()
            self._mqtt = None
        self._mqtt = _mqtt(self._service, settings)
        if self._mqtt is not None:
            self._mqtt.start()

    def _change_web(self, settings: ListenSettings | None) -> None:
        if self._web is not None:
            self._web.close()
            self._web = None
        self._web = _web(self._service, settings)
        if self._web is not None:
            self._web.start()

    def close(self) -> None:
        """Ends both; more calls do nothing."""
        with self._changing:
            if self._closed:
                return
            self._closed = True
            for front in (self._web, self._mqtt):
                if front is not None:
                    front.close()


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
