"""Bundles are written whole, and in place of nothing but a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import BundleError, OutputError
from edgeseg.spec import Spec

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


def files_of(bundle: Bundle) -> dict[Path, Artifact]:
    return {bundle.path(artifact): artifact for artifact in bundle.artifacts}


def test_an_empty_folder_may_become_a_bundle_and_a_file_may_not(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_bundle(tmp_path / "empty", bundle.spec, files_of(bundle), "card")
    assert Bundle.open(tmp_path / "empty").card == "README.md"
    assert (tmp_path / "empty/README.md").read_text() == "card"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        write_bundle(tmp_path / "file", bundle.spec, files_of(bundle), None)
    with pytest.raises(OutputError, match=r"cannot write .*File name too long; choose another folder"):
        write_bundle(tmp_path / ("x" * 300), bundle.spec, files_of(bundle), None)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_bundle_is_replaced_by_a_new_one(bundle: Bundle) -> None:
    files = files_of(bundle)
    again = write_bundle(bundle.folder, bundle.spec, files, None)
    assert Bundle.open(bundle.folder) == again
    assert not (bundle.folder / "README.md").exists()
    assert write_bundle(bundle.folder, bundle.spec, files, "card") == bundle  # over one without a card


@pytest.mark.parametrize("stranger", ["notes.txt", INDEX])
def test_other_files_are_never_replaced(bundle: Bundle, tmp_path: Path, stranger: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / stranger).write_text("mine")
    files = files_of(bundle)
    with pytest.raises(OutputError, match="is no bundle"):
        write_bundle(folder, bundle.spec, files, None)
    assert (folder / stranger).read_text() == "mine"
    (bundle.folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"would remove notes\.txt"):
        write_bundle(bundle.folder, bundle.spec, files, None)


def test_failed_writing_leaves_the_old_bundle(bundle: Bundle, tmp_path: Path) -> None:
    model = tmp_path / "new.onnx"
    model.write_bytes(bundle.path(bundle.artifacts[0]).read_bytes())
    described = Artifact.of(model, target="onnxruntime", precision="fp32")
    model.write_bytes(model.read_bytes() + b"\x32\x01x")  # a remark
    with pytest.raises(BundleError, match="changed since it was described"):
        write_bundle(bundle.folder, bundle.spec, {model: described}, None)
    assert Bundle.open(bundle.folder) == bundle
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.onnx", "tiny"]


def test_the_format_is_the_oldest_that_can_say_it(bundle: Bundle) -> None:
    newer = write_bundle(bundle.folder.parent / "new", replace(bundle.spec, grid="whole"), files_of(bundle), None)
    assert json.loads((newer.folder / INDEX).read_text())["format"] == newer.spec.to_json()["format"] > 1
    assert Bundle.open(newer.folder) == newer
    assert newer.card is None
