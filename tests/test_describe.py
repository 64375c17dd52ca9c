from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from edgeseg import auto
from edgeseg.bundle import Bundle
from edgeseg.describe import describe, signature_line, tables
from edgeseg.errors import BundleError, EdgeSegWarning, UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.measured import Latency
from edgeseg.sign import sign
from edgeseg.spec import Spec


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]) -> Bundle:
    make_bundle(tmp_path / "tiny", spec)
    return Bundle.open(tmp_path / "tiny")


def test_all_that_the_bundle_says_is_there(bundle: Bundle) -> None:
    description = json.loads(json.dumps(describe(bundle)))
    assert description["spec"] == bundle.spec.to_json()
    assert description["artifacts"] == [{**bundle.artifacts[0].to_json(), "consistent": True}]
    assert Path(description["card"]).read_text() == "# A tiny model\n"


def test_tables_for_people(bundle: Bundle) -> None:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(tables(bundle))
    text = captured.get()
    for part in ("30x18", "road", "sky", "tiny.fp32.onnx", bundle.artifacts[0].sha256[:12], "agreement │ mask 1 "):
        assert part in text


@pytest.mark.parametrize("show", [describe, tables])
def test_altered_bundles_are_not_described(bundle: Bundle, show: Callable[[Bundle], object]) -> None:
    (bundle.folder / bundle.artifacts[0].file).write_bytes(b"")
    with pytest.raises(BundleError, match="altered"):
        show(bundle)


def test_what_auto_took_here_is_shown(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name)
    monkeypatch.setattr(auto, "_measure", lambda _, ways, __: ([*map(auto.Timing, ways, (3.0, 2.0))], []))
    monkeypatch.setattr("edgeseg.describe.available_cores", lambda: 4)
    assert describe(bundle)["auto"] == {"throughput": None, "latency": None}
    auto.choose(bundle, threads=1)
    description = describe(bundle)["auto"]
    assert description["throughput"].startswith("openvino fp32, ms a frame here: openvino fp32 2.0")
    assert description["latency"] is None
    console = Console(width=200)
    with console.capture() as shown:
        console.print(tables(bundle))
    assert "openvino fp32 2.0" in shown.get()
    assert "not measured here yet" in shown.get()


def test_who_signed_it(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")
    monkeypatch.setenv("EDGESEG_TRUST", str(tmp_path))
    assert describe(bundle)["signature"] is None
    assert signature_line(bundle) == "none: nothing shows who made it"
    with pytest.raises(UsageError, match=r"there is no .*acmee\.pub"):
        signature_line(bundle, tmp_path / "acmee.pub")
    (tmp_path / "made").mkdir()
    key = write_keys(tmp_path / "made/acme", None)
    sign(bundle, read_private_key(tmp_path / "made/acme.key", lambda: ""), version=4)
    assert describe(bundle)["signature"] == {
        "version": 4,
        "current": True,
        "signers": [{"fingerprint": key.fingerprint, "name": None}],
    }
    assert signature_line(bundle) == f"a key not trusted here ({key.fingerprint}), version 4"
    trusted = signature_line(bundle, tmp_path / "made/acme.pub")
    assert trusted == f"signed by acme ({key.fingerprint}), version 4"
    (tmp_path / "made/acme.pub").rename(tmp_path / "acme.pub")
    assert signature_line(bundle) == trusted
    with pytest.warns(EdgeSegWarning, match="sign it again"):
        changed = bundle.record(bundle.artifacts[0], Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64"))
    assert describe(changed)["signature"] == {"version": 4, "current": False, "signers": []}
    assert signature_line(changed).startswith("ended: the bundle has changed since it was signed, version 4; sign it")
