"""Engines asked for golden masks: what is counted, what is expected, what is remembered."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from edgeseg import engines
from edgeseg.agreement import GoldenAgreement
from edgeseg.arrays import Image, Mask
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.errors import BundleError, EngineError, FrameError
from edgeseg.golden import GoldenPair
from edgeseg.measured import Measured
from edgeseg.proof import MARGIN, Proof, ask, least, proof_of, runtime_version, shortfall
from edgeseg.segmenter import load
from edgeseg.spec import Spec


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bundle(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], put_golden: Callable[..., Bundle]
) -> Bundle:
    return put_golden(make_bundle(tmp_path / "tiny", spec))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were opened for a proof."""
    names: list[str] = []

    def open_engine(name: str, *rest: Any) -> Any:
        names.append(name)
        return engines.open_engine("onnxruntime", *rest)

    monkeypatch.setattr("edgeseg.candidate.open_engine", open_engine)
    return names


def pairs(*masks: Mask) -> list[GoldenPair]:
    return [GoldenPair(np.zeros((*mask.shape, 3), np.uint8), mask) for mask in masks]


def test_equal_pixels_are_counted() -> None:
    masks = [np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)]
    masks[1][0] = 1  # a quarter
    found = ask(lambda frame: np.zeros(frame.shape[:2], np.uint8), pairs(*masks))
    assert found is not None
    assert found.shares == (100, 75)
    assert (found.agreement, found.worst) == (87.5, 75)
    assert found.ms >= 0
    assert found.fact("openvino") == GoldenAgreement(87.5, 75, 2, "openvino")
    assert ask(lambda frame: frame, []) is None


def test_logits_that_are_no_numbers_are_the_engines_fault() -> None:
    def segment(_: Image) -> Mask:
        raise FrameError("the logits hold NaN")

    with pytest.raises(EngineError, match="golden frame: the logits hold NaN"):
        ask(segment, pairs(np.zeros((2, 2), np.uint8)))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, 100),
        ({"agreement": {"mask_agreement": 99.5}}, 99.5),
        ({"agreement": {"mask_agreement": 99.5}, "golden": {"mask_agreement": 98.25}}, 98.25),
        ({"golden": "text"}, 100),
        ({"golden": {"mask_agreement": None}}, 100),
    ],
)
def test_what_is_expected_is_what_was_recorded_less_the_margin(
    bundle: Bundle, facts: dict[str, Any], expected: float
) -> None:
    artifact = replace(bundle.artifacts[0], measured=Measured(facts))
    assert least(artifact) == expected - MARGIN
    assert shortfall(artifact, Proof((expected - MARGIN,), 1.0)) is None
    reason = shortfall(artifact, Proof((expected - MARGIN - 0.25,), 1.0))
    assert reason is not None
    assert f"{expected - MARGIN - 0.25:.2f} % of fp32's pixels" in reason
    assert f"expected {expected - MARGIN:.2f} %" in reason


def test_a_segmenter_gives_its_own_masks(bundle: Bundle) -> None:
    found = ask(load(bundle, threads=1), bundle.golden_frames())
    assert found is not None
    assert found.shares == (100, 100)


def test_a_proof_is_made_once(bundle: Bundle, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = Candidate("onnxruntime", bundle.artifacts[0])
    first = proof_of(bundle, candidate, 1)
    assert first is not None
    assert first.shares == (100, 100)
    assert proof_of(bundle, candidate, 2) == first
    assert opened == ["onnxruntime"]
    for name, value in (
        ("edgeseg.proof.processor", "another"),
        ("edgeseg.proof.runtime_version", "9.9"),
        ("importlib.metadata.version", "0.0"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(name, lambda *_, value=value: value)
            proof_of(bundle, candidate, 1)
    proof_of(bundle, Candidate("openvino", bundle.artifacts[0]), 1)
    assert opened == ["onnxruntime"] * 4 + ["openvino"]


def test_other_golden_frames_are_asked_for_anew(
    bundle: Bundle, opened: list[str], put_golden: Callable[..., Bundle]
) -> None:
    candidate = Candidate("onnxruntime", bundle.artifacts[0])
    proof_of(bundle, candidate, 1)
    others = put_golden(bundle, frames=3)  # which opens engines of its own
    opened.clear()
    again = proof_of(others, candidate, 1)
    assert again is not None
    assert len(again.shares) == 3
    assert opened == ["onnxruntime"]


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: text.replace("100.0", '"x"')])
def test_a_damaged_proof_is_made_anew(
    bundle: Bundle, opened: list[str], cache: Path, damage: Callable[[str], str]
) -> None:
    candidate = Candidate("onnxruntime", bundle.artifacts[0])
    first = proof_of(bundle, candidate, 1)
    (file,) = cache.glob("proof-*")
    file.write_text(damage(file.read_text()))
    again = proof_of(bundle, candidate, 1)
    assert first is not None
    assert again is not None
    assert again.shares == first.shares
    assert len(opened) == 2


def test_nothing_is_asked_of_a_bundle_without_golden_frames(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], opened: list[str], cache: Path
) -> None:
    bundle = make_bundle(tmp_path / "old", spec)
    assert proof_of(bundle, Candidate("onnxruntime", bundle.artifacts[0]), 1) is None
    assert opened == []
    assert not cache.exists()


def test_an_altered_golden_frame_is_no_proof(bundle: Bundle) -> None:
    (bundle.folder / "golden-1.png").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"golden-1\.png"):
        proof_of(bundle, Candidate("onnxruntime", bundle.artifacts[0]), 1)


def test_a_build_of_onnx_runtime_under_another_name_has_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert runtime_version("onnxruntime") == onnxruntime.__version__
    assert runtime_version("something") == "unknown"
