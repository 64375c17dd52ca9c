from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from edgeseg.agreement import Agreement
from edgeseg.artifact import Artifact, read_model, sha256_of
from edgeseg.errors import BundleError
from edgeseg.fact import Fact
from edgeseg.measured import Evaluation, Measured, Verification
from edgeseg.spec import Spec

ONE = Artifact("a.onnx", "onnxruntime", "fp32", "0" * 64, 1)
LARGEST = 2**31 - 1
"""Bytes that protobuf gives a message."""


@pytest.fixture
def model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(make_model(spec).SerializeToString())
    return path


def test_a_file_is_described_as_it_is(model: Path) -> None:
    content = model.read_bytes()
    plain = Artifact.of(model, target="tensorrt", precision="fp16")
    sha256 = hashlib.sha256(content).hexdigest()
    assert sha256_of(content) == sha256
    assert plain == Artifact("model.onnx", "tensorrt", "fp16", sha256, len(content), Measured())
    measured = Measured({"agreement": {"mask": 1.0}})
    assert Artifact.of(model, target="tensorrt", precision="fp16", measured=measured).measured == measured
    assert str(plain) == "tensorrt fp16"


def test_json_gives_the_artifact_back() -> None:
    artifact = replace(ONE, measured=Measured({"latency": {"ms": 2.5}}))
    assert Artifact.from_json(artifact.to_json()) == artifact
    assert artifact.to_json() == {
        **{"file": "a.onnx", "target": "onnxruntime", "precision": "fp32"},
        **{"sha256": "0" * 64, "bytes": 1, "measured": {"latency": {"ms": 2.5}}},
    }
    with pytest.raises(FrozenInstanceError):
        artifact.bytes = 2  # type: ignore[misc]


@pytest.mark.parametrize("key", ["file", "target", "precision", "sha256", "bytes", "measured"])
def test_every_field_must_be_there(key: str) -> None:
    data = ONE.to_json()
    del data[key]
    with pytest.raises(BundleError, match=f"bundle.json: artifact has no field '{key}'"):
        Artifact.from_json(data)


@pytest.mark.parametrize("length", [1, LARGEST])
def test_sizes_that_a_model_may_have(length: int) -> None:
    assert replace(ONE, bytes=length).bytes == length


@pytest.mark.parametrize(
    "change",
    [
        *({"bytes": length} for length in (-1, 0, LARGEST + 1)),
        *({"sha256": text} for text in ("0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n")),
        *({key: "a/b"} for key in ("file", "target", "precision")),
    ],
)
def test_what_no_artifact_has(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="expected"):
        replace(ONE, **change)


@pytest.mark.parametrize("name", ["model.onnx", "model.ort", "model"])
def test_a_model_is_checked_whatever_it_is_called(model: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model.rename(model.with_name(name))
    length = path.stat().st_size
    monkeypatch.setattr("edgeseg.artifact.LARGEST_MODEL", length)
    assert read_model(path) == path.read_bytes()
    monkeypatch.setattr("edgeseg.artifact.LARGEST_MODEL", length - 1)
    with pytest.raises(BundleError, match=f"it has {length} bytes, expected at most {length - 1}"):
        read_model(path)
    path.write_bytes(b"text")
    with pytest.raises(BundleError, match="is not an ONNX model"):
        read_model(path)
    path.unlink()
    with pytest.raises(BundleError, match="No such file or directory; check the path"):
        read_model(path)


def with_facts(*facts: Fact) -> Artifact:
    return replace(ONE, measured=Measured.of(*facts))


def evaluation(miou: float, data: str | None = "d") -> Evaluation:
    return Evaluation(miou, {}, 90.0, 90.0, 50.0, {}, 10, "val", data)


def agreement(percent: float) -> Agreement:
    return Agreement("onnxruntime fp32", percent, percent, 0.1, 10.0, 10)


def verification(miou: float, data: str | None = "d") -> Verification:
    return Verification("onnxruntime", miou, {}, None, 90.0, (), None, None, data)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        # by mIoU: half a point may be lost; more is not made good by masks that agree
        ((evaluation(74.5), agreement(0.0)), (evaluation(75.0),), True),
        ((evaluation(80.0),), (evaluation(75.0),), True),
        ((evaluation(74.25), agreement(100.0)), (evaluation(75.0),), False),
        # by mIoU of verify, where eval has none of the same data
        ((verification(74.5), agreement(0.0)), (verification(75.0),), True),
        ((verification(74.25), agreement(100.0)), (verification(75.0),), False),
        ((verification(75.0), agreement(0.0)), (verification(math.nan),), False),
        ((verification(math.nan), agreement(100.0)), (verification(75.0),), False),
        ((verification(75.0, "a"),), (verification(75.0, "b"),), False),
        ((verification(75.0, "b"),), (verification(75.0, "a"),), False),
        ((verification(75.0, None),), (verification(75.0, None),), False),
        ((evaluation(75.0, "other"), verification(74.0)), (evaluation(75.0), verification(75.0)), False),
        # by agreement, where the figures are of other data, or of unknown, or of one alone
        ((agreement(98.0),), (), True),
        ((agreement(97.9),), (), False),
        ((evaluation(75.0),), (evaluation(75.0, "other"),), False),
        ((evaluation(75.0, None),), (evaluation(75.0, None),), False),
        ((evaluation(75.0, ""),), (evaluation(75.0, ""),), False),
        ((evaluation(10.0, None), agreement(99.0)), (evaluation(75.0, None),), True),
        ((evaluation(10.0), agreement(99.0)), (), True),
        ((agreement(99.0),), (evaluation(75.0),), True),
        ((), (evaluation(75.0),), False),
    ],
)
def test_accuracy_that_may_be_lost(ours: tuple[Fact, ...], theirs: tuple[Fact, ...], expected: bool) -> None:
    assert with_facts(*ours).keeps_accuracy_of(with_facts(*theirs)) is expected


def test_a_damaged_fact_proves_nothing() -> None:
    good = with_facts(evaluation(75.0), agreement(100.0))
    damaged = replace(ONE, measured=Measured({**good.measured.facts, "evaluation": {"miou": "75"}}))
    assert good.keeps_accuracy_of(good)
    assert not damaged.keeps_accuracy_of(good)
    assert not good.keeps_accuracy_of(damaged)
