"""The life of a service around its parts: the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.serve import run as run_module
from edgeseg.serve.run import run
from edgeseg.serve.service import Service
from edgeseg.serve.settings import BundleSettings, CameraSettings, ServiceSettings
from edgeseg.spec import Spec
from tests.serve.conftest import FakeSupervisor

SECONDS = 30.0


def test_a_part_that_does_not_end_in_time_is_not_waited_for_a_second_time(
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    supervisors: list[FakeSupervisor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del supervisors
    bundle = make_bundle(tmp_path / "tiny", spec)
    settings = ServiceSettings(
        BundleSettings(str(bundle.folder), "onnxruntime"), (CameraSettings("gate", "rtsp://gate"),)
    )
    closing, end, ended = threading.Lock(), threading.Event(), threading.Event()

    class StuckFronts:
        def __init__(self, service: Service) -> None:
            del service

        def start(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        def close(self) -> None:
            with closing:
                end.wait(SECONDS)
                ended.set()

    monkeypatch.setattr(run_module, "Fronts", StuckFronts)
    monkeypatch.setattr(run_module, "MARGIN", 0.0)
    monkeypatch.setattr(run_module, "PATIENCE", 0.5)
    monkeypatch.setattr(run_module, "read_settings", lambda *_: (settings, bundle))
    try:
        assert not run(tmp_path / "cameras.toml", every=1.0, json=False)
        assert not ended.is_set()
    finally:
        end.set()
    assert ended.wait(SECONDS)
