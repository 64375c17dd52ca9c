"""Settings that are refused: the one sentence, with the line, for what is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import UsageError
from edgeseg.serve.settings_file import read_settings
from tests.serve.conftest import BUNDLE, GATE, read, write

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
