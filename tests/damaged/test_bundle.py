"""What is in a bundle or beside it: models, golden frames, engines, signatures and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgeseg.artifact import read_model
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.engines._onnx import check_spec
from edgeseg.engines.tensorrt.sidecar import Key, read_engine, sidecar_of, write_engine
from edgeseg.golden import GoldenFile, GoldenFrame, read_golden
from edgeseg.keys import PRIVATE, PUBLIC, read_private_key, read_public_key, write_keys
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import read_signature
from edgeseg.spec import Spec
from tests.fuzz import byte_target, fuzz, json_target

PLAN = b"ftrt" + bytes(20) + bytes((10, 3, 0, 26)) + b"the engine"


def test_bundle(bundle: Bundle) -> None:
    index = bundle.folder / INDEX
    draw = json_target(json.loads(index.read_text()))

    def read() -> None:
        opened = Bundle.open(bundle.folder)
        for artifact in opened.artifacts:
            opened.path(artifact)

    fuzz("bundle", index, draw, read)


def test_signature(tmp_path: Path) -> None:
    signed = {"name": "x", "version": 3, "index_sha256": "0" * 64, "card_sha256": None}
    signatures = [{"key": "0" * 64, "signature": "0" * 128}]
    data = {"format": 1, "signed": signed, "signatures": signatures}
    fuzz("signature", tmp_path / SIGNATURE, json_target(data), lambda: read_signature(tmp_path))


@pytest.mark.parametrize("file", ["golden-0.png", "golden-0.mask.png"])
def test_golden(file: str, bundle: Bundle, put_golden: Callable[..., Bundle]) -> None:
    """Even where bundle.json has the damaged file's hash."""
    golden = put_golden(bundle).golden
    assert golden is not None
    place = bundle.folder / file

    def read() -> None:
        described = [
            GoldenFrame(*(GoldenFile.of(bundle.folder / each.file) for each in pair)) for pair in golden.frames
        ]
        list(read_golden(replace(golden, frames=tuple(described)), bundle.folder, bundle.spec))

    fuzz(file, place, byte_target(place.read_bytes()), read)


@pytest.mark.parametrize("suffix", [PUBLIC, PRIVATE])
def test_key(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    write_keys(tmp_path / "key", None)
    file = tmp_path / f"key{suffix}"
    file.chmod(0o600)
    content = file.read_bytes()

    def read() -> None:
        if suffix == PUBLIC:
            read_public_key(file)
        else:
            read_private_key(file, lambda: "")

    fuzz(f"key{suffix}", file, byte_target(content), read)


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_metadata_of_a_repository(role: str, tmp_path: Path, bundle: Bundle) -> None:
    pytest.importorskip("tuf")
    from edgeseg.update.publish import publish
    from edgeseg.update.repository import Folder

    write_keys(tmp_path / "key", None)
    repository = tmp_path / "repository"
    key = read_private_key(tmp_path / "key.key", lambda: "")
    publish(bundle, repository, key, root_keys=[key])
    (file,) = (repository / "metadata").glob(f"*{role}.json")
    folder = Folder(repository, {}, {})
    folder.check()
    fuzz(f"metadata_{role}", file, json_target(json.loads(file.read_bytes())), folder.check)


def test_spec_in_a_model(tmp_path: Path, spec: Spec) -> None:
    file = tmp_path / "spec"
    draw = json_target(spec.to_json())
    fuzz("spec_in_a_model", file, draw, lambda: check_spec(file, spec, file.read_text(errors="replace")))


def test_model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> None:
    file = tmp_path / "model.onnx"
    fuzz("model", file, byte_target(make_model(spec).SerializeToString()), lambda: read_model(file))


def test_sidecar(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {}, "0" * 64), {})
    notes = json.loads(sidecar_of(engine).read_text())
    fuzz("sidecar", sidecar_of(engine), json_target(notes), lambda: read_engine(engine))


def test_engine(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {}, "0" * 64), {})
    fuzz("engine", engine, byte_target(PLAN), lambda: read_engine(engine))
