"""A real browser, driven by its own protocol (Chrome DevTools Protocol) over a WebSocket."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

import pytest

SECONDS = 30.0
"""That anything may take before a test gives up."""

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """One page in a window without a screen."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Starts it, with a profile of its own in a folder; skips the test where there is none."""
        from websockets.sync.client import connect

        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            pytest.skip("no chromium: tests/install-servers.sh installs it")
        self._opened = ExitStack()
        self._process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--mute-audio",
                "--autoplay-policy=no-user-gesture-required",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                *options,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._opened.callback(self._end)
        self._number = 0
        self.complaints: list[str] = []
        """What the page logged as an error, or threw."""
        try:
            port = self._port(folder / "DevToolsActivePort")
            asked = Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
            with urlopen(asked, timeout=SECONDS) as answer:
                page = json.load(answer)
            connection = connect(page["webSocketDebuggerUrl"], max_size=None, open_timeout=SECONDS, proxy=None)
            self._socket = self._opened.enter_context(connection)
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self._opened.close()
            raise

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method of the protocol; what it returns."""
        self._number += 1
        number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(SECONDS))
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's too."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The value of an expression, once that is true."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
            if answer["result"].get("value"):
                return answer["result"]["value"]
            time.sleep(0.1)
        pytest.fail(f"it never came: {expression}; the page shows {self.evaluate('document.body.innerText')!r:.2000}")

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Gives the window a size, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def prefer(self, scheme: str) -> None:
        """Chooses "dark" or "light"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Writes what is seen, or the whole page, as PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self) -> None:
        self._opened.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _port(self, path: Path) -> int:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the browser ended at once"
            if path.is_file() and (lines := path.read_text().splitlines()):
                return int(lines[0])
            time.sleep(0.05)
        raise TimeoutError("the browser does not listen")

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(message["params"]["exceptionDetails"])[:500])
        elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            entry = message["params"]["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
