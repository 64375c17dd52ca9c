"""Whose bundles a machine runs: trust folders, their rules, and versions that grow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import edgeseg
from edgeseg import trust
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, UsageError
from edgeseg.keys import read_private_key, write_keys
from edgeseg.sign import sign
from edgeseg.spec import Spec
from edgeseg.trust import GROWTH_RULE, SIGNATURE_RULE, check_trust, find_root, find_trust

pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user-trust"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("EDGESEG_TRUST", str(folder))
    monkeypatch.setenv("EDGESEG_STATE", str(tmp_path / "state"))
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "machine-trust"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(trust, "MACHINE", folder)
    return folder


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


def signed(bundle: Bundle, folder: Path, name: str = "acme", version: int | None = None) -> Bundle:
    """The bundle, signed by a key whose public half lies in `folder` from now on."""
    if not (folder / f"{name}.pub").exists():
        write_keys(folder / name, None)
        (folder / f"{name}.key").rename(folder.parent / f"{name}.key")
    sign(bundle, read_private_key(folder.parent / f"{name}.key", lambda: ""), version=version)
    return Bundle.open(bundle.folder)


def test_a_root_that_is_not_there(user: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"there is no root\.json in .*{user}; put it there, or name it with --root"):
        find_root()
    monkeypatch.delenv("EDGESEG_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(trust, "MACHINE", tmp_path / "none")
    with pytest.raises(UsageError, match=r"there is no trust folder .*/none/edgeseg/trust; put root\.json"):
        find_root()


def test_without_rules_nothing_is_asked_for(bundle: Bundle, user: Path, machine: Path) -> None:
    check_trust(bundle)
    assert find_trust() == trust.Trust((machine, user), signature=False, growth=False)
    check_trust(signed(bundle, user))


def test_keys_of_both_folders_are_trusted(bundle: Bundle, user: Path, machine: Path) -> None:
    for folder in (user, machine):
        (bundle.folder / "signature.json").unlink(missing_ok=True)
        check_trust(signed(bundle, folder), require_signature=True)


@pytest.mark.parametrize("rule", [SIGNATURE_RULE, GROWTH_RULE])
def test_a_file_makes_it_the_rule(bundle: Bundle, user: Path, rule: str) -> None:
    (user / rule).touch()
    for load in (edgeseg.load, check_trust):
        with pytest.raises(BundleError, match="is not signed"):
            load(bundle)
    edgeseg.load(signed(bundle, user)).close()


def test_a_rule_that_cannot_be_looked_for_is_not_passed_over(
    bundle: Bundle, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("EDGESEG_TRUST", str(user / "unmounted"))
    with pytest.raises(UsageError, match="which is not there"):
        check_trust(bundle)
    monkeypatch.setattr(Path, "lstat", forbidden)
    with pytest.raises(UsageError, match="cannot look into"):
        check_trust(bundle)
    monkeypatch.undo()
    monkeypatch.setenv("EDGESEG_TRUST", str(user))
    (user / SIGNATURE_RULE).symlink_to("nowhere")  # a rule all the same
    with pytest.raises(BundleError, match="is not signed"):
        check_trust(bundle)


def test_under_the_machines_rule_its_keys_alone_are_trusted(bundle: Bundle, user: Path, machine: Path) -> None:
    (machine / SIGNATURE_RULE).touch()
    opened = signed(bundle, user)
    with pytest.raises(BundleError, match="not trusted here"):
        check_trust(opened)
    with pytest.raises(UsageError, match="leave --trust out"):
        check_trust(opened, trust=user / "acme.pub")
    check_trust(signed(bundle, machine, "machine"))


def test_folders_that_others_may_write_are_refused(bundle: Bundle, user: Path) -> None:
    opened = signed(bundle, user)
    user.chmod(0o777)
    with pytest.raises(UsageError, match=r"others may write .*chmod go-w"):
        check_trust(opened)
    user.chmod(0o755)
    (user / "acme.pub").chmod(0o664)
    with pytest.raises(UsageError, match=r"others may write .*acme\.pub"):
        check_trust(opened)


def test_a_damaged_key_is_said(bundle: Bundle, user: Path, tmp_path: Path) -> None:
    opened = signed(bundle, user)
    (user / "broken.pub").write_text("no key")
    with pytest.raises(UsageError, match=r"broken\.pub holds no public Ed25519 key"):
        check_trust(opened, require_signature=True)
    with pytest.raises(UsageError, match="there is no"):
        check_trust(opened, trust=tmp_path / "nowhere.pub")
    check_trust(opened, trust=str(user / "acme.pub"))
    with pytest.raises(UsageError, match="the keys to trust have an empty name"):
        check_trust(opened, trust="")  # and not the working directory


def test_versions_grow_where_that_is_the_rule(bundle: Bundle, user: Path, tmp_path: Path) -> None:
    (user / GROWTH_RULE).touch()
    old = tmp_path / "old"
    check_trust(signed(bundle, user, version=4))
    check_trust(Bundle.open(bundle.folder))  # the same again
    state = tmp_path / "state/versions/tiny"
    assert state.read_text() == "4\n"
    bundle.folder.rename(old)
    (old / "signature.json").rename(tmp_path / "four.json")
    check_trust(signed(Bundle.open(old), user, "newer", version=6), remember=False)
    assert state.read_text() == "4\n"
    check_trust(Bundle.open(old))
    assert state.read_text() == "6\n"
    (tmp_path / "four.json").replace(old / "signature.json")  # by another key, which is still trusted
    with pytest.raises(BundleError, match=r"is version 4, and version 6 was run here .* delete .*versions/tiny"):
        check_trust(Bundle.open(old))
    state.write_text("many\n")
    with pytest.raises(BundleError, match="does not hold the version"):
        check_trust(Bundle.open(old))
    state.unlink()
    check_trust(Bundle.open(old))
    assert state.read_text() == "4\n"


def test_without_cryptography_the_extra_is_named(bundle: Bundle, user: Path) -> None:
    signed(bundle, user)
    code = f"""
import sys
sys.modules["cryptography"] = None
import edgeseg
edgeseg.load({str(bundle.folder)!r}).close()
try:
    edgeseg.load({str(bundle.folder)!r}, require_signature=True)
except edgeseg.UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "signatures need cryptography, which is not installed; pip install 'edgeseg[sign]'\n"
