"""Tells systemd how the service is, where systemd asks for it: sd_notify(3), a datagram to a socket."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import MutableMapping

SHARE = 3
"""How often, in one period of the watchdog, it is told that all is well."""


class Notifier:
    """Sends words to systemd; without systemd it does nothing.

    Attributes:
        period: seconds between two of `alive` that the watchdog is content with; None where there is none.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Takes the variables out of the environment: they are for this process, and not for its children."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds, process = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        self._sending = threading.Lock()  # guards _address
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watched = microseconds.isdigit() and int(microseconds) > 0 and process in ("", str(os.getpid()))
        self.period = int(microseconds) / 1e6 / SHARE if watched else None

    def ready(self, status: str) -> None:
        """The service runs; `status` is what `systemctl status` shows."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The settings are being read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def alive(self, status: str) -> None:
        """Work goes on."""
        self._send("WATCHDOG=1", f"STATUS={status}")

    def stopping(self) -> None:
        """The service is being ended."""
        self._send("STOPPING=1", last=True)

    def _send(self, *words: str, last: bool = False) -> None:
        """Sends words, and nothing after the last ones, whichever thread still has something to say."""
        with self._sending:
            address = self._address
            if last:
                self._address = ""
            if address:
                self._put(address, *words)

    def _put(self, address: str, *words: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as system:
                system.settimeout(1.0)
                system.sendto("\n".join(words).encode(), address)
        except OSError:  # systemd itself will see that nothing comes
            return
