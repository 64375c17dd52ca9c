"""Bundles of which every way to run takes the time that a test states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest

from edgeseg import auto
from edgeseg.artifact import Artifact
from edgeseg.auto import Choice, Timing
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.candidate import Candidate
from edgeseg.measured import Measured
from edgeseg.spec import Spec

Make = Callable[..., Bundle]
Times = dict[tuple[str, str], float]

GOOD = {"agreement": {"mask_agreement": 99.0}}
BAD = {"agreement": {"mask_agreement": 97.0}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with VNNI and two runtimes, whatever this machine has."""
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: True)
    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name)


@pytest.fixture
def make(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> Make:
    """`make({"fp32": {}, "int8": measured})`: a bundle whose artifacts are all the same tiny network."""

    def make(kinds: Mapping[str, Mapping[str, Any]]) -> Bundle:
        artifacts = {}
        for precision, measured in kinds.items():
            file = tmp_path / f"tiny.{precision}.onnx"
            onnx.save(make_model(spec), file)
            artifacts[file] = Artifact.of(file, target="onnxruntime", precision=precision, measured=Measured(measured))
        return write_bundle(tmp_path / "bundle", spec, artifacts, None)

    return make


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    """What a measurement gives for each way to run; ways that are not in it take 9 ms."""
    stated: Times = {}

    def measure(_: Bundle, candidates: list[Candidate], __: int) -> tuple[list[Timing], list[str]]:
        return [Timing(each, stated.get((each.engine, each.artifact.precision), 9.0)) for each in candidates], []

    monkeypatch.setattr(auto, "_measure", measure)
    return stated


def names(candidate: Candidate) -> tuple[str, str]:
    return candidate.engine, candidate.artifact.precision


def taken(choice: Choice) -> tuple[str, str]:
    return names(choice.candidate)
