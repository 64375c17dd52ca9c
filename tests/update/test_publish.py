"""What a repository holds, and who may write it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, UpdateError
from edgeseg.measured import Latency

pytest.importorskip("tuf", reason="updates need edgeseg[update]")

from edgeseg.update.publish import publish

MakeKey = Callable[[str], Any]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def repository(tmp_path: Path, bundle: Bundle, make_key: MakeKey) -> Path:
    folder = tmp_path / "repository"
    publish(bundle, folder, make_key("daily"), root_keys=[make_key("root")])
    return folder


def test_a_repository_holds_the_bundle_and_its_metadata(repository: Path) -> None:
    names = {path.partition(".")[2] if "targets/" in path else path for path in files(repository)}
    assert names == {
        "metadata/1.root.json",
        "metadata/1.targets.json",
        "metadata/1.snapshot.json",
        "metadata/timestamp.json",
        *("bundle.json", "tiny.fp32.onnx", "README.md"),
    }
    signed = json.loads((repository / "metadata/1.targets.json").read_text())["signed"]
    assert set(signed["targets"]) == {f"tiny/{name}" for name in ("bundle.json", "tiny.fp32.onnx", "README.md")}


def test_published_again_nothing_that_was_there_changes(repository: Path, bundle: Bundle, make_key: MakeKey) -> None:
    before = files(repository)
    changed = bundle.record(bundle.artifacts[0], Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64"))
    until = publish(changed, repository, make_key("daily"), days=3)
    after = files(repository)
    assert {name for name in before if after[name] != before[name]} == {"metadata/timestamp.json"}
    new = {name.rpartition(".bundle")[2] for name in after.keys() - before.keys()}
    assert new == {"metadata/2.targets.json", "metadata/2.snapshot.json", ".json"}
    assert timedelta(days=2) < until - datetime.now(timezone.utc) <= timedelta(days=3)


def test_two_do_not_publish_at_once(repository: Path, bundle: Bundle, make_key: MakeKey) -> None:
    before = files(repository)
    handle = os.open(repository / "metadata", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(UpdateError, match=f"another edgeseg publish into {repository} is under way; wait"):
            publish(bundle, repository, make_key("daily"))
    finally:
        os.close(handle)
    assert files(repository) == before
    publish(bundle, repository, make_key("daily"))


def test_other_bundles_stay(
    repository: Path, make_key: MakeKey, spec: Any, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    from dataclasses import replace

    publish(make_bundle(tmp_path / "made/second", replace(spec, name="second")), repository, make_key("daily"))
    signed = json.loads((repository / "metadata/2.targets.json").read_text())["signed"]
    assert {path.partition("/")[0] for path in signed["targets"]} == {"tiny", "second"}


def test_keys_that_a_repository_does_not_know_are_refused(
    repository: Path, bundle: Bundle, make_key: MakeKey, tmp_path: Path
) -> None:
    before = files(repository)
    with pytest.raises(UpdateError, match="signed by another key"):
        publish(bundle, repository, make_key("other"))
    with pytest.raises(UpdateError, match="the root key is not that of"):
        publish(bundle, repository, make_key("daily"), root_keys=[make_key("other")])
    with pytest.raises(UpdateError, match="give --root-key to begin one"):
        publish(bundle, tmp_path / "another", make_key("daily"))
    assert files(repository) == before


@pytest.mark.parametrize("name", ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"])
def test_what_others_wrote_is_not_signed_anew(repository: Path, bundle: Bundle, make_key: MakeKey, name: str) -> None:
    path = repository / "metadata" / name
    original = json.loads(path.read_text())
    original["signed"]["expires"] = "2099-01-01T00:00:00Z"
    for content in (json.dumps(original), "", "[]"):
        path.write_text(content)
        before = files(repository)
        with pytest.raises(UpdateError, match="restore the repository"):
            publish(bundle, repository, make_key("daily"))
        assert files(repository) == before


def test_altered_bundles_are_not_published(repository: Path, bundle: Bundle, make_key: MakeKey) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    before = files(repository)
    with pytest.raises(BundleError, match="altered"):
        publish(Bundle.open(bundle.folder), repository, make_key("daily"))
    assert files(repository) == before
