"""Signed bundles: what is accepted, and that nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgeseg
from edgeseg.artifact import SHIPPED
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import BundleError, EdgeSegError, EdgeSegWarning, UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.measured import Latency
from edgeseg.sign import sign
from edgeseg.signature import FILE, read_signature
from edgeseg.spec import Spec
from edgeseg.trust import check_trust
from edgeseg_export.card_artifacts import refresh_card, with_artifacts

pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")

LATENCY = Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64")


class Signer:
    """A pair of keys in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.public = folder / f"{name}.pub"
        self.fingerprint = write_keys(folder / name, None).fingerprint
        self.key = read_private_key(folder / f"{name}.key", lambda: "")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("acme"), "acme")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


def accepted(folder: Path, *signers: Signer) -> bool:
    """Whether each of the signers is taken for one of this bundle's."""
    for signer in signers:
        check_trust(Bundle.open(folder), trust=signer.public)
    return True


def test_signed_is_accepted_and_unsigned_refused(bundle: Bundle, acme: Signer, other: Signer) -> None:
    with pytest.raises(BundleError, match="is not signed; get a signed one"):
        check_trust(bundle, trust=acme.public)
    signature = sign(bundle, acme.key)
    assert read_signature(bundle.folder) == signature
    assert signature.statement.version == 1
    assert accepted(bundle.folder, acme)
    with pytest.raises(BundleError, match=f"by a key that is not trusted here \\({acme.fingerprint[:16]}\\)"):
        check_trust(bundle, trust=other.public)


def test_load_refuses_by_itself(bundle: Bundle, acme: Signer, other: Signer) -> None:
    options: list[dict[str, Any]] = [{"require_signature": True}, {"min_version": 1}, {"trust": acme.public}]
    for arguments in options:
        with pytest.raises(BundleError, match="is not signed"):
            edgeseg.load(bundle, **arguments)
    sign(bundle, acme.key, version=3)
    with pytest.raises(BundleError, match="not trusted here"):
        edgeseg.load(bundle, require_signature=True)  # no trust folder holds the key
    with pytest.raises(BundleError, match="not trusted here"):
        edgeseg.load(bundle, trust=other.public)
    with pytest.raises(BundleError, match="is version 3, expected 4 or more"):
        edgeseg.load(bundle, trust=acme.public, min_version=4)
    edgeseg.load(bundle, trust=acme.public, min_version=3).close()


def test_a_bundle_of_the_installed_package_is_not_written_into(acme: Signer, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(SHIPPED / "road-nano")
    for name in ("road-nano", tmp_path / "link"):
        with pytest.raises(UsageError, match=r"came with edgeseg.*; copy the bundle and sign the copy"):
            sign(Bundle.open(name), acme.key)
    assert not (SHIPPED / "road-nano" / FILE).exists()


def test_two_keys_and_the_replacement_of_one(bundle: Bundle, acme: Signer, other: Signer) -> None:
    with pytest.raises(UsageError, match="got version 0, expected 1 or more"):
        sign(bundle, acme.key, version=0)
    sign(bundle, acme.key)
    signature = sign(bundle, other.key)
    assert set(signature.signatures) == {acme.fingerprint, other.fingerprint}
    assert signature.statement.version == 1
    assert accepted(bundle.folder, acme, other)
    later = sign(bundle, other.key, version=2)
    assert set(later.signatures) == {other.fingerprint}
    with pytest.raises(BundleError, match="not trusted here"):
        accepted(bundle.folder, acme)


def test_a_signature_of_a_trusted_key_must_be_his(bundle: Bundle, acme: Signer, other: Signer) -> None:
    sign(bundle, acme.key)
    sign(bundle, other.key)
    path = bundle.folder / FILE
    data = json.loads(path.read_text())
    first, second = data["signatures"]
    first["signature"], second["signature"] = second["signature"], first["signature"]
    path.write_text(json.dumps(data))
    for signer in (acme, other):
        with pytest.raises(BundleError, match="holds an invalid signature"):
            accepted(bundle.folder, signer)


def test_the_signature_of_another_bundle_does_not_fit(
    bundle: Bundle, acme: Signer, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], tmp_path: Path
) -> None:
    second = make_bundle(tmp_path / "second", replace(spec, licence="another"))
    sign(second, acme.key)
    shutil.copy(second.folder / FILE, bundle.folder / FILE)
    with pytest.raises(BundleError, match="has changed since it was signed"):
        accepted(bundle.folder, acme)


def test_the_form_of_json_means_nothing(bundle: Bundle, acme: Signer) -> None:
    sign(bundle, acme.key)
    for name in (INDEX, FILE):
        path = bundle.folder / name
        data = json.loads(path.read_text())
        path.write_text(json.dumps(dict(sorted(data.items(), reverse=True)), indent=7, ensure_ascii=True))
    assert accepted(bundle.folder, acme)


def test_what_is_opened_is_what_is_checked(bundle: Bundle, acme: Signer) -> None:
    """A bundle that was opened before it was exchanged for a signed one is not the signed one."""
    changed = bundle.record(bundle.artifacts[0], LATENCY)
    sign(changed, acme.key)
    assert accepted(bundle.folder, acme)
    with pytest.raises(BundleError, match="has changed"):
        check_trust(bundle, trust=acme.public)


def test_numbers_that_json_readers_round_are_not_signed(bundle: Bundle, acme: Signer) -> None:
    index = bundle.folder / INDEX
    data = json.loads(index.read_text())
    data["artifacts"][0]["measured"]["odd"] = 2**60
    index.write_text(json.dumps(data))
    with pytest.raises(BundleError, match="cannot be signed"):
        sign(Bundle.open(bundle.folder), acme.key)


def test_a_change_ends_the_signature_and_keeps_the_version(bundle: Bundle, acme: Signer) -> None:
    sign(bundle, acme.key, version=7)
    with pytest.warns(EdgeSegWarning, match=r"was signed, as version 7, and has changed.*sign it again"):
        changed = bundle.record(bundle.artifacts[0], LATENCY)
    with pytest.raises(BundleError, match="has changed since it was signed"):
        check_trust(changed, trust=acme.public)
    with pytest.raises(UsageError, match="give at least 8"):
        sign(changed, acme.key, version=7)
    assert sign(changed, acme.key).statement.version == 8
    assert accepted(bundle.folder, acme)


def test_a_new_artifact_ends_the_signature(bundle: Bundle, acme: Signer, tmp_path: Path) -> None:
    sign(bundle, acme.key, version=2)
    copy = tmp_path / "tiny.fp16.onnx"
    shutil.copy(bundle.path(bundle.artifacts[0]), copy)
    half = replace(bundle.artifacts[0], file=copy.name, target="tensorrt", precision="fp16")
    files = {bundle.path(bundle.artifacts[0]): bundle.artifacts[0], copy: half}
    with pytest.warns(EdgeSegWarning, match="sign it again"):
        again = write_bundle(bundle.folder, bundle.spec, files, "# A card\n")
    with pytest.raises(BundleError, match="has changed"):
        check_trust(again, trust=acme.public)
    assert sign(again, acme.key).statement.version == 3
    assert accepted(bundle.folder, acme)


def test_a_new_card_ends_the_signature(bundle: Bundle, acme: Signer) -> None:
    card = bundle.folder / "README.md"
    card.write_text(with_artifacts(card.read_text(), bundle.artifacts))
    sign(bundle, acme.key)
    refresh_card(bundle)  # nothing new to say
    assert accepted(bundle.folder, acme)
    with pytest.warns(EdgeSegWarning, match="sign it again"):
        changed = bundle.record(bundle.artifacts[0], LATENCY)
    sign(changed, acme.key)
    with pytest.warns(EdgeSegWarning, match="sign it again"):
        refresh_card(changed)
    with pytest.raises(BundleError, match="has changed"):
        check_trust(changed, trust=acme.public)


def test_altered_files_are_not_signed(bundle: Bundle, acme: Signer) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="altered"):
        sign(Bundle.open(bundle.folder), acme.key)
    assert not (bundle.folder / FILE).exists()


def test_weights_that_are_zeroed_and_hashed_again_are_refused(bundle: Bundle, acme: Signer) -> None:
    """The attack that hashes alone do not see."""
    sign(bundle, acme.key)
    import onnx
    from onnx import numpy_helper

    from edgeseg.artifact import Artifact

    path = bundle.folder / bundle.artifacts[0].file
    model = onnx.load(path)
    weight = model.graph.initializer[0]
    weight.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(weight), weight.name))
    onnx.save(model, path)
    forged = Artifact.of(path, target="onnxruntime", precision="fp32", measured=bundle.artifacts[0].measured)
    index = json.loads((bundle.folder / INDEX).read_text())
    index["artifacts"] = [forged.to_json()]
    (bundle.folder / INDEX).write_text(json.dumps(index))
    opened = Bundle.open(bundle.folder)
    opened.verify()  # it agrees with itself
    with pytest.raises(BundleError, match="has changed since it was signed"):
        check_trust(opened, trust=acme.public)


def test_every_file_of_a_shipped_bundle_is_covered(tmp_path: Path, acme: Signer) -> None:
    folder = tmp_path / "nano"
    shutil.copytree(SHIPPED / "road-nano", folder)
    sign(Bundle.open(folder), acme.key)
    assert accepted(folder, acme)
    for path in folder.iterdir():
        original = path.read_bytes()
        middle = len(original) // 2
        path.write_bytes(original[:middle] + bytes((original[middle] ^ 1,)) + original[middle + 1 :])
        with pytest.raises(EdgeSegError):
            accepted(folder, acme)
        path.write_bytes(original)
    assert accepted(folder, acme)


@pytest.fixture(scope="module")
def signed(
    tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], acme: Signer
) -> Path:
    bundle = make_bundle(tmp_path_factory.mktemp("signed") / "tiny", spec)
    sign(bundle, acme.key, version=5)
    return bundle.folder


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_refused(signed: Path, acme: Signer, data: st.DataObject) -> None:
    """But for what changes the form of JSON alone."""
    path = signed / data.draw(st.sampled_from(sorted(each.name for each in signed.iterdir())))
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original)))
    end = min(len(original), at + data.draw(st.integers(0, 4)))
    changed = original[:at] + data.draw(st.binary(max_size=4)) + original[end:]
    path.write_bytes(changed)
    try:
        check_trust(Bundle.open(signed), trust=acme.public)
        assert changed == original or (path.suffix == ".json" and json.loads(changed) == json.loads(original))
    except EdgeSegError:
        assert changed != original
    finally:
        path.write_bytes(original)


@given(data=st.data())
def test_any_changed_field_of_the_signature_is_refused(signed: Path, acme: Signer, data: st.DataObject) -> None:
    path = signed / FILE
    original = path.read_text()
    changed = json.loads(original)
    place = data.draw(st.sampled_from([changed, changed["signed"], changed["signatures"][0]]))
    key = data.draw(st.sampled_from(sorted(place)))
    value: Any = data.draw(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]))
    place[key] = value
    path.write_text(json.dumps(changed))
    try:
        if changed != json.loads(original) or type(value) is not type(json.loads(original).get(key, value)):
            with pytest.raises(BundleError):
                check_trust(Bundle.open(signed), trust=acme.public)
    finally:
        path.write_text(original)
