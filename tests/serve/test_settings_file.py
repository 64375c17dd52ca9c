"""Settings from a file: what is understood, and the one sentence with the line for what is not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.serve.settings import DriftSettings, Rule, ServiceSettings, Zone
from edgeseg.serve.settings_file import read_settings
from edgeseg.sign import sign
from edgeseg.spec import Spec


@pytest.fixture
def folder(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Path:
    """A folder with a bundle of the classes road, car and sky, files and folders that settings may name."""
    make_bundle(tmp_path / "tiny", spec)
    (tmp_path / "rec").mkdir()
    (tmp_path / "closed").mkdir(mode=0o500)
    for name, content, mode in [
        ("login", "admin:secret\n", 0o600),
        ("open", "admin:secret\n", 0o644),
        ("token", "0123456789abcdef\n", 0o600),
        ("short", "0123456789abcde\n", 0o600),
        ("odd", "0123456789 abcdefg\n", 0o600),
        ("cert.pem", "no certificate\n", 0o600),
    ]:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "cameras.toml"
    path.write_text(text)
    return path


def read(folder: Path, text: str) -> ServiceSettings:
    return read_settings(write(folder, text))[0]


GATE = '[cameras.gate]\nsource = "rtsp://gate/live"\n'
BUNDLE = 'bundle = "./tiny"\n'


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


REC = GATE + '[cameras.gate.recording]\nfolder = "rec"\n'
RULE = BUNDLE + GATE + "[[cameras.gate.rules]]\n"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "names no camera"),
        ("[cameras]", 1, "names no camera"),
        ("bundle = ", 1, "this is no TOML: Invalid value"),
        (GATE + "x = [", 3, "this is no TOML"),
        (GATE + GATE, 3, "two cameras are called gate; give each a name of its own"),
        (GATE + "stall_afer = 3\n", 3, r"cameras\.gate\.stall_afer is no setting; did you mean stall_after\?"),
        (GATE + 'listen = "127.0.0.1:1"\n', 3, r"gate\.listen is no setting; listen is for all: write it above"),
        (GATE + '[mqtt]\nhost = "a"\n' + BUNDLE, 5, r"mqtt\.bundle is no setting; bundle is for all: write it above"),
        ("nonsense = 1\n" + GATE, 1, "nonsense is no setting; expected bundle"),
        ('bundle = "rood"\n' + GATE, 1, "bundle: no bundle 'rood' comes with edgeseg"),
        ('bundle = "./none"\n' + GATE, 1, "bundle: .* is not there, expected a bundle"),
        ('engine = "onnx"\n' + GATE, 1, "engine is 'onnx': no engine 'onnx'; choose one of auto, onnxruntime,"),
        ('engine = "onnxruntime"\nprecision = "fp16"\n' + BUNDLE + GATE, 2, "precision does not fit"),
        ("batch = 4\n" + GATE, 1, "batch is 4, expected a text in quotes"),
        ('\nbatch = "on"\n' + GATE, 2, 'batch is "on", and road takes one frame at a time; export it with --batch'),
        ('mode = "fast"\n' + GATE, 1, "mode is 'fast', expected one of throughput, latency"),
        ("workers = 0\n" + GATE, 1, "workers is 0, expected a whole number, 1 to"),
        ("workers = true\n" + GATE, 1, "workers is true, expected a whole number"),
        ("[cameras.gate]\nmax_age = 1", 1, r"cameras\.gate has no source: a camera's number, a URL"),
        ('[cameras.gate]\n\nsource = "street.mp4"', 3, r"source is street\.mp4, expected a camera's number"),
        ("[cameras.gate]\nsource = -1", 2, "source is -1, expected a whole number"),
        ("[cameras.gate]\nsource = []", 2, "source is a list, expected a text in quotes"),
        ('[cameras."a/b"]\nsource = 0', 1, "is no name for a camera"),
        ("cameras.gate = 1", 1, r"cameras\.gate is 1, expected a table"),
        (GATE + "max_age = -1", 3, "max_age is -1, expected 0.001 to 86400 seconds"),
        (GATE + "max_age = nan", 3, "max_age is nan, expected"),
        (GATE + "stall_after = '3'", 3, "stall_after is '3', expected 0.1 to 3600 seconds"),
        (GATE + "insecure = 1", 3, "insecure is 1, expected true or false"),
        (GATE + 'credentials = "none"', 3, "there is no such file"),
        (GATE + 'credentials = "open"', 3, "others than its owner may read the credentials"),
        (GATE + 'credentials = "token"', 3, "holds no credentials"),
        ('[cameras.gate]\nsource = 0\ncredentials = "login"', 3, "credentials is for URLs, as 0 is not; leave it out"),
        ("[cameras.gate]\nsource = 'rtsp://me:s@h/1'\ncredentials = 'login'", 3, r"and rtsp://\*\*\*@h/1 has its own"),
        (GATE + 'ca = "login"', 3, r"ca is for servers with certificates \(https://, rtsps://.* is none; leave it out"),
        ('[cameras.gate]\nsource = "v4l2src ! appsink"\ninsecure = true', 3, "insecure is for servers with"),
        ("[cameras.gate]\nsource = 'rtsps://h/1'\nca = 'login'\ninsecure = true", 3, "and insecure verifies none"),
        ("[cameras.gate]\nsource = 0\noptions = { video_size = '1x1' }", 3, "options is for URLs, .* as 0 is not"),
        (GATE + "options = { a = 1 }", 3, r"options\.a is 1, expected a text"),
        (GATE + "options = { rtsp_transprot = 'udp' }", 3, r"options\.rtsp_transprot: FFmpeg has no option"),
        (GATE + "[cameras.gate.recording]\n", 3, "recording has no folder"),
        (GATE + '[cameras.gate.labelling]\nfolder = "rec"\nevery = 0', 5, "is 0, expected 0.001 to"),
        (GATE + "[cameras.gate.drift]\n", 3, "drift has no folder"),
        (GATE + '[cameras.gate.drift]\nfolder = "rec"\nlearn_hours = 0.1', 3, "learns from 6 periods"),
        (GATE + '[cameras.gate.drift]\nfolder = "s3://me:pw@rec"', 4, r"drift\.folder is a URL, expected a path"),
        (GATE + '[cameras.gate.drift]\nfolder = "rec"\nlimit = 0', 5, "is 0, expected 1 to 1000"),
        (GATE + '[cameras.gate.recording]\nfolder = "none"', 4, "no such folder; make it first"),
        (GATE + '[cameras.gate.recording]\nfolder = "login"', 4, "no such folder"),
        (GATE + '[cameras.gate.recording]\nfolder = "rec"\nkeep_bytes = "50 Gb"', 5, 'expected a size such as "50 GB"'),
        (GATE + '[cameras.gate.recording]\nfolder = "rec"\nkeep_bytes = 0', 5, "is 0, expected a size"),
        (GATE + "[cameras.gate.zones]\nA = 1", 4, r"zones\.A is 1, expected a list"),
        (GATE + "[cameras.gate.zones]\nA = [[0, 0], [1, 0]]", 4, "has 2 corners"),
        (GATE + "[cameras.gate.zones]\nA = [\n[0, 0], [1, 0], [1, 2]]", 4, r"A\[2\] is \[1, 2\], expected a corner"),
        (GATE + "[cameras.gate.zones]\nA = [[0, 0], [1, 1], [1, 0], [0, 1]]", 4, "meets that from"),
        (RULE + "when = {}", 4, r"rules\[0\] has no name"),
        (RULE + 'name = "a"', 4, "has no when"),
        (
            RULE + 'name = "a"\nwhen = { class = "bus", above = 0.1 }',
            6,
            "when.class is 'bus', expected one of road, car",
        ),
        (RULE + 'name = "a"\nwhen = { class = "car", above = 2 }', 6, "above is 2, expected 0 to 1"),
        (RULE + 'name = "a"\nwhen = { class = "car", above = 1.0 }', 6, "above is 1, and nothing covers more than all"),
        (RULE + 'name = "a"\nwhen = { class = "car" }', 6, "when has no above"),
        (RULE + 'name = "a"\nwhen = { class = "car", above = 0.1, zone = "B" }', 6, "zone is 'B', expected one of"),
        (RULE + 'name = "a"\nwhen = { class = "car", above = 0.1, below = 0.2 }', 6, "below is 0.2, expected 0 to 0.1"),
        (GATE + "rules = [1]", 3, r"rules\[0\] is 1, expected a table"),
        ('listen = "8765"\n' + GATE, 1, "is no address with a port"),
        ('listen = "127.0.0.1:99999"\n' + GATE, 1, "is no address with a port"),
        ('listen = "0.0.0.0:0"\n' + GATE, 1, "which others than this machine can reach; add token_file"),
        ('token_file = "token"\n' + GATE, 1, "token_file is there without listen"),
        ('listen = "0.0.0.0:0"\ntoken_file = "short"\n' + GATE, 2, "has 15 characters, expected at least 16"),
        ('listen = "0.0.0.0:0"\ntoken_file = "odd"\n' + GATE, 2, "holds spaces"),
        ('listen = "0.0.0.0:0"\ntoken_file = "open"\n' + GATE, 2, "others than its owner may read the token"),
        ('listen = "127.0.0.1:0"\ncertificate = "cert.pem"\n' + GATE, 2, "certificate and key go together"),
        ('listen = "[::1]:0"\nkey = "cert.pem"\ncertificate = "cert.pem"\n' + GATE, 3, "are no certificate in PEM"),
        ("[mqtt]\n" + GATE, 1, "mqtt has no host"),
        ('[mqtt]\nhost = "mqtt://me:secret@broker:1883"\n' + GATE, 2, "mqtt.host is no name or address of a machine"),
        ('[mqtt]\nhost = "broker:1883"\n' + GATE, 2, "mqtt.host is no name or address of a machine"),
        ('[mqtt]\nhost = "..."\n' + GATE, 2, "mqtt.host is no name or address of a machine"),
        (
            'trust = "none"\n' + GATE,
            1,
            r"trust: there is no .*none, expected a \.pub file of edgeseg keygen or a folder of them",
        ),
        (GATE + f"max_age = {10**400}", 3, "expected 0.001 to 86400 seconds"),
        (REC + 'keep_free = "900 TB"', 5, "are never free on the disk of .*rec, which has"),
        (
            REC + "keep_hours = 1\nsegment_seconds = 3600",
            5,
            "keep_hours is 1, and a file of 3600 seconds .* is that old",
        ),
        ('[mqtt]\nhost = "h"\ntopic = "a/#"\n' + GATE, 3, "expected a topic such as"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(folder: Path, text: str, line: int, sentence: str) -> None:
    path = write(folder, text)
    with pytest.raises(UsageError, match=rf"^{path}, line {line}: .*{sentence}") as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UsageError, match=r"line 4: .*cannot write into .*closed: no permission"):
        read(folder, GATE + '[cameras.gate.recording]\nfolder = "closed"')


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
    ("source", "reason"),
    [
        ("rtsp://", "rtsp:// names no host; write rtsp://HOST/PATH"),
        ("RTSPS:///live", "RTSPS:///live names no host"),
        ("http://me:secret@/video", r"http://\*\*\*@/video names no host"),
        ("rtsp://gate:99999/live", "rtsp://gate:99999/live has a port above 65535, which is the last"),
        (f"udp://@[ff02::1]:{'9' * 5000}", ".*9 has a port above 65535"),
    ],
)
def test_an_address_that_leads_nowhere(source: str, reason: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=rf"line 2: cameras\.gate\.source: {reason}"):
        read(folder, f'[cameras.gate]\nsource = "{source}"\n')


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


def test_what_is_no_file_of_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none"):
        read_settings(tmp_path / "none")
    for name in (tmp_path, Path("\0"), Path("x" * 5000)):
        with pytest.raises(UsageError, match="cannot read"):
            read_settings(name)
    path = tmp_path / "latin.toml"
    path.write_bytes(b"a = 1\n# caf\xe9\n")
    with pytest.raises(UsageError, match="line 2: it is not UTF-8"):
        read_settings(path)
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(UsageError, match="line 1: "):
        read_settings(path)
    path.write_text("a = " + "9" * 10_000)
    with pytest.raises(UsageError, match="line 1: "):
        read_settings(path)
    path.write_text("#" * 2**21)
    with pytest.raises(UsageError, match=r"cannot read .* expected at most"):
        read_settings(path)


@pytest.mark.parametrize("setting", ['token_file = "SECRET"', '[mqtt]\nhost = "h"\ncredentials = "me:SECRET"'])
def test_a_secret_in_place_of_its_file_is_in_no_message(setting: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="names a file, and there is no such file; check the path") as error:
        read(folder, f'bundle = "./tiny"\nlisten = "127.0.0.1:0"\n{setting}\n[cameras.gate]\nsource = 0')
    assert "SECRET" not in str(error.value)


def test_a_password_in_an_address_is_in_no_message(tmp_path: Path) -> None:
    path = write(tmp_path, '[cameras.gate]\nsource = "rtsp//admin:geheim@gate/live"')
    with pytest.raises(UsageError, match="line 2: ") as caught:
        read_settings(path)
    assert "geheim" not in str(caught.value)


@given(st.text(alphabet=st.sampled_from("[]{}=.,\"'#\n abcameras.gate0123456789_-:/\\"), max_size=60))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text)
    said = ""
    try:
        read_settings(path)
    except UsageError as error:
        said = str(error)
    assert not said or said.startswith(f"{path}, line ")
    assert "\n" not in said
