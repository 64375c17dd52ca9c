"""Settings from a file: what is understood."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.serve.settings import DriftSettings, Rule, Zone
from edgeseg.serve.settings_file import read_settings
from edgeseg.sign import sign
from tests.serve.conftest import BUNDLE, GATE, read, write


def test_the_least_that_is_enough(folder: Path) -> None:
    settings = read(folder, GATE)
    assert settings.bundle.bundle == "road"
    (camera,) = settings.cameras
    assert (camera.name, camera.source, camera.recording) == ("gate", "rtsp://gate/live", None)
    assert camera.policy.stall_after == 3.0
    assert camera.policy.give_up_after is None
    assert settings.listen is None


def test_everything_that_can_be_said(folder: Path) -> None:
    settings = read(
        folder,
        """
bundle = "./tiny"
engine = "onnxruntime"
precision = "fp32"
mode = "latency"
threads = 1
batch = "off"
listen = "127.0.0.1:0"
token_file = "token"
[mqtt]
host = "localhost"
topic = "house"
[cameras.gate]
source = "rtsp://127.0.0.1/gate"
credentials = "login"
options = { rtsp_transport = "udp" }
max_age = 0.5
stall_after = 2
give_up_after = 60
[cameras.gate.recording]
folder = "rec"
masks = true
keep_hours = 168
keep_bytes = "50 GB"
keep_free = "1.5 GB"
[cameras.gate.zones]
A = [[0, 0], [1, 0], [1, 1]]
[[cameras.gate.rules]]
name = "a car"
when = { class = "car", zone = "A", above = 0.5, for = 2 }
[[cameras.gate.rules]]
name = "sky"
when = { class = "sky", above = 0.5, below = 0.1 }
[cameras.gate.labelling]
folder = "rec"
most = 10
[cameras.gate.drift]
folder = "rec"
learn_hours = 2
every = 30
""",
    )
    assert settings.bundle.bundle == str(folder / "tiny")
    assert settings.bundle.mode == "latency"
    assert settings.bundle.batch == "off"
    assert settings.listen is not None
    assert settings.listen.token == "0123456789abcdef"
    assert settings.mqtt is not None
    assert (settings.mqtt.port, settings.mqtt.topic) == (1883, "house")
    (camera,) = settings.cameras
    assert camera.source == "rtsp://127.0.0.1/gate"
    assert camera.request.options == {"rtsp_transport": "udp"}
    assert camera.request.access.credentials is not None
    assert (camera.max_age, camera.stall_after, camera.give_up_after) == (0.5, 2.0, 60.0)
    assert camera.recording is not None
    assert camera.recording.folder == folder / "rec"
    assert (camera.recording.keep_bytes, camera.recording.keep_free) == (50 * 10**9, 1_500_000_000)
    assert camera.zones == (Zone("A", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),)
    assert camera.rules == (
        Rule("a car", "car", "A", above=0.5, below=0.4, seconds=2.0),
        Rule("sky", "sky", None, above=0.5, below=0.1, seconds=0.0),
    )
    assert camera.labelling is not None
    assert (camera.labelling.most, camera.labelling.most_bytes) == (10, 10**9)
    assert camera.drift == DriftSettings(folder / "rec", learn_hours=2.0, every=30.0)
    assert camera.drift.periods == 240
    assert "secret" not in repr(settings)
    assert "0123456789abcdef" not in repr(settings)


def test_a_port_in_use_unless_it_is_our_own(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = f'listen = "127.0.0.1:{server.getsockname()[1]}"\n' + GATE
        with pytest.raises(UsageError, match=r"line 1: listen: cannot listen at 127\.0\.0\.1, port .* in use"):
            read(folder, text)
    running = read(folder, text)
    with socket.create_server(("127.0.0.1", int(text.split(":")[1].split('"')[0]))):
        assert read_settings(folder / "cameras.toml", running)[0] == running


def test_our_own_port_by_another_name_is_free_when_it_is_taken_over(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        held.close()
        running = read(folder, f'listen = "127.0.0.1:{port}"\n' + GATE)
        wider = write(folder, f'listen = "0.0.0.0:{port}"\ntoken_file = "token"\n' + GATE)
        with socket.create_server(("127.0.0.1", port)):
            with pytest.raises(UsageError, match="in use"):
                read_settings(wider)
            assert read_settings(wider, running)[0].listen != running.listen
    elsewhere = write(folder, f'listen = "192.0.2.1:{port}"\ntoken_file = "token"\n' + GATE)
    with pytest.raises(UsageError, match=rf"cannot listen at 192\.0\.2\.1, port {port}: "):
        read_settings(elsewhere, running)


def test_a_byte_order_mark_is_no_text(folder: Path) -> None:
    assert read(folder, "\ufeff" + GATE) == read(folder, GATE)


@pytest.mark.parametrize("host", ["broker", "broker.local.", "192.0.2.1", "::1", "fe80::1%eth0", "kühlhaus"])
def test_a_broker_is_a_name_or_an_address(folder: Path, host: str) -> None:
    settings = read(folder, GATE + f'[mqtt]\nhost = "{host}"\n')
    assert settings.mqtt is not None
    assert settings.mqtt.host == host


@pytest.mark.parametrize(
    "source",
    ["rtsp://[::1]:065535/a", "rtsp://:8554/l", "udp://@:1234", "rtsp://a:99999@b/c", "v4l2:///dev/a", "tcp://a ! b"],
)
def test_addresses_that_may_lead_somewhere(source: str, folder: Path) -> None:
    """FFmpeg listens where no host is named, if its options say so."""
    assert read(folder, f'[cameras.gate]\nsource = "{source}"\n').cameras[0].source == source


def test_a_dot_in_a_name_is_written_in_quotes(folder: Path) -> None:
    sentence = r'line 1: cameras\.front\.door is a table in that of camera front.*; write \[cameras\."front\.door"\]'
    with pytest.raises(UsageError, match=sentence):
        read(folder, '[cameras.front.door]\nsource = "0"\n')
    assert read(folder, '[cameras."front.door"]\nsource = "0"\n').cameras[0].name == "front.door"


def test_a_signature_that_is_asked_for_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")
    monkeypatch.setenv("EDGESEG_STATE", str(folder / "state"))
    text = BUNDLE + 'require_signature = true\ntrust = "acme.pub"\n' + GATE
    write_keys(folder / "acme", None)
    with pytest.raises(UsageError, match=r"line 1: bundle: bundle .* is not signed"):
        read(folder, text)
    sign(Bundle.open(folder / "tiny"), read_private_key(folder / "acme.key", lambda: ""))
    assert read(folder, text).bundle.demand.require_signature
    assert not (folder / "state").exists()
