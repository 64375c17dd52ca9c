"""Settings, credentials and results, and what is remembered from one run to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeseg.auto import remembered
from edgeseg.bundle import Bundle
from edgeseg.cache import keep, recall
from edgeseg.run_settings import WHAT, read_settings
from edgeseg.serve.settings_file import read_settings as read_service_settings
from edgeseg.video.access import read_credentials
from edgeseg_bench.result import read as read_result
from tests.fuzz import byte_target, fuzz, json_target

SETTINGS: dict[str, Any] = {
    **{"format": 1, "what": WHAT, "bundle": "x", "engine": "onnxruntime", "precision": "fp32", "sha256": "0" * 64},
    **{"width": 8, "height": 8, "threads": 1, "workers": 1, "processor": "x", "cores": 1, "measured": {}},
}

SERVICE = """
bundle = "road"
engine = "onnxruntime"
listen = "127.0.0.1:0"
token_file = "token"
[mqtt]
host = "localhost"
[cameras.gate]
source = "rtsp://gate/live"
credentials = "login"
options = { rtsp_transport = "udp" }
max_age = 0.5
[cameras.gate.recording]
folder = "."
keep_bytes = "50 GB"
[cameras.gate.zones]
A = [[0, 0], [1, 0], [1, 1]]
[[cameras.gate.rules]]
name = "a car"
when = { class = "car", zone = "A", above = 0.5, for = 2 }
"""


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    fuzz("settings", file, json_target(SETTINGS), lambda: read_settings(file))


def test_settings_of_a_service(tmp_path: Path, bundle: Bundle) -> None:
    for name in ("login", "token"):
        (tmp_path / name).write_text("admin:0123456789abcdef\n")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "cameras.toml"
    text = SERVICE.replace("road", str(bundle.folder)).encode()
    file.write_bytes(text)
    read_service_settings(file)
    fuzz("service", file, byte_target(text), lambda: read_service_settings(file))


def test_credentials(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.touch(mode=0o600)
    fuzz("credentials", file, byte_target(b"user:password\n"), lambda: read_credentials(file))


def test_cache(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    keep(file, b"content" * 9)
    fuzz("cache", file, byte_target(file.read_bytes()), lambda: recall(file))


def test_answers_of_auto(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed ones: somebody who has the key may still have another version."""
    answer = tmp_path / "auto.json"
    monkeypatch.setattr("edgeseg.answers.recall", lambda _: answer.read_bytes())
    candidate = {"engine": "onnxruntime", "precision": "fp32"}
    data = {"key": {}, "choice": candidate, "measured": [{**candidate, "ms": 2.0}], "left_out": []}
    monkeypatch.setattr("edgeseg.auto._key", lambda *_: {})
    fuzz("answers_of_auto", answer, json_target(data), lambda: remembered(bundle, threads=1))


def test_result_of_bench(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    fuzz("result_of_bench", file, json_target({"what": "edgeseg bench", "format": 3}), lambda: read_result(file))
