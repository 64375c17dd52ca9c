"""What --check prints holds every setting, and no secret."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from edgeseg.bundle import Bundle
from edgeseg.serve.described import to_json, to_text
from edgeseg.serve.settings import (
    BundleSettings,
    CameraSettings,
    DriftSettings,
    LabellingSettings,
    ListenSettings,
    MqttSettings,
    RecordingSettings,
    Rule,
    ServiceSettings,
    Zone,
)
from edgeseg.video.access import Credentials

SECRET = "geheim-0123456789"
CAMERA = CameraSettings(
    name="gate",
    source=f"rtsp://admin:{SECRET}@gate/live",
    credentials=Credentials("admin", SECRET),
    options={"headers": f"http://a:{SECRET}@b"},
    give_up_after=60.0,
    max_age=0.5,
    smooth=0.3,
    recording=RecordingSettings(Path("/srv/gate"), masks=True, keep_hours=168.0, keep_bytes=50 * 10**9),
    zones=(Zone("A", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),),
    rules=(Rule("somebody", "Pedestrian", "A", 0.02, 0.016, 0.5), Rule("sky", "Sky", None, 0.5, 0.4)),
    labelling=LabellingSettings(Path("/srv/label")),
    drift=DriftSettings(Path("/srv/state")),
)
SETTINGS = ServiceSettings(
    BundleSettings("road", precision="int8"),
    (CAMERA, CameraSettings("yard", "0")),
    ListenSettings("::1", 8765, SECRET, Path("/c.pem"), Path("/k.pem")),
    MqttSettings("broker", credentials=Credentials("user", SECRET), ca=Path("/ca.pem")),
)


def test_text() -> None:
    assert to_text(SETTINGS, Bundle.open("road")).splitlines() == [
        "bundle road: engine auto, int8, throughput; 480x360, 11 classes",
        "listen https://[::1]:8765, with a token",
        "mqtt broker, port 1883, TLS: topics edgeseg/...",
        "camera gate: rtsp://***@gate/live",
        "    stalled after 3 s, given up after 60 s, frames up to 0.5 s old, smoothed by 0.3",
        "    user admin",
        "    records the plain picture, masks into /srv/gate, 60 s a file; keeps 168 hours, 50 GB",
        "    zone A: 3 corners",
        "    rule somebody: Pedestrian above 2 % of zone A for 0.5 s, until 1.6 % or less",
        "    rule sky: Sky above 50 % of the frame for 0 s, until 40 % or less",
        "    frames to label into /srv/label: 1000 at most, 1 GB, one in 10 s",
        "    drift from a reference in /srv/state, of 24 hours: beyond 5 spreads, by means of 60 s",
        "camera yard: 0",
        "    stalled after 3 s",
    ]


def test_json_has_every_setting_and_no_secret() -> None:
    data = to_json(SETTINGS, Bundle.open("road"))
    text = json.dumps(data)
    assert SECRET not in text
    assert {field.name for field in fields(CameraSettings)} - {"name"} == set(data["cameras"]["gate"])
    assert {field.name for field in fields(BundleSettings)} <= set(data)
    assert data["cameras"]["gate"]["credentials"] == "admin"
    assert data["cameras"]["gate"]["zones"] == {"A": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]}
    assert data["listen"] == {"host": "::1", "port": 8765, "token": True, "tls": True}
