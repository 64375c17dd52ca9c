from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeseg import EngineError, auto, engines
from edgeseg.auto import choose, remembered
from edgeseg.bundle import Bundle
from tests.auto.conftest import GOOD, Make, Times, names, taken


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Runtimes whose answers are another class's, as if this machine computed otherwise."""
    names: set[str] = set()
    real = engines.open_engine

    def open_engine(name: str, *rest: Any) -> Any:
        engine = real("onnxruntime", *rest)
        if name in names:
            infer = engine.infer
            monkeypatch.setattr(engine, "infer", lambda tensor: np.roll(infer(tensor), 1, axis=1))
        return engine

    monkeypatch.setattr("edgeseg.candidate.open_engine", open_engine)
    return names


def test_what_disagrees_with_the_golden_masks_here_is_left_out(
    make: Make, times: Times, wrong: set[str], put_golden: Callable[..., Bundle]
) -> None:
    times.update({("openvino", "int8"): 1.0, ("openvino", "fp32"): 2.0, ("onnxruntime", "int8"): 3.0})
    bundle = put_golden(make({"int8": GOOD, "fp32": {}}))
    wrong.add("openvino")
    choice = choose(bundle, threads=1)
    assert taken(choice) == ("onnxruntime", "int8")
    assert {names(each.candidate) for each in choice.measured} == {("onnxruntime", "fp32"), ("onnxruntime", "int8")}
    reasons = [each for each in choice.left_out if each.startswith("openvino int8 left out: its masks of the golden")]
    assert len(reasons) == 1
    assert reasons[0].endswith("% of fp32's pixels on this machine, expected 98.00 %")
    assert remembered(bundle, threads=1) == choice


def test_what_agrees_is_as_before(
    make: Make, times: Times, wrong: set[str], put_golden: Callable[..., Bundle]
) -> None:
    times["openvino", "int8"] = 1.0
    assert not wrong
    choice = choose(put_golden(make({"int8": GOOD, "fp32": {}})), threads=1)
    assert taken(choice) == ("openvino", "int8")
    assert choice.left_out == ()


def test_what_is_the_only_one_left_is_not_measured(
    make: Make, wrong: set[str], put_golden: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_measure", None)
    wrong.add("openvino")
    bundle = put_golden(make({"fp32": {}}))
    choice = choose(bundle, threads=1)
    assert (taken(choice), choice.measured) == (("onnxruntime", "fp32"), ())
    assert "openvino fp32 left out" in str(choice)
    assert remembered(bundle, threads=1) == choice


def test_the_only_candidate_is_asked_once_too(
    make: Make, wrong: set[str], put_golden: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name if name == "onnxruntime" else None)
    bundle, said = put_golden(make({"fp32": {}})), list[str]()
    wrong.add("onnxruntime")
    with pytest.raises(EngineError, match=r"nothing runs bundle tiny here as it should: onnxruntime fp32 left out: i"):
        choose(bundle, threads=1, say=said.append)
    assert said == ["asking onnxruntime fp32 for the golden frames of tiny on this machine, once"]


@pytest.mark.usefixtures("times")
def test_a_proof_is_not_repeated_for_other_threads(
    make: Make, wrong: set[str], put_golden: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not wrong
    bundle = put_golden(make({"fp32": {}, "int8": GOOD}))
    first = choose(bundle, threads=1)
    monkeypatch.setattr("edgeseg.candidate.open_engine", None)
    assert choose(bundle, threads=2).candidate == first.candidate


@pytest.mark.usefixtures("times")
def test_a_bundle_without_golden_frames_is_said_to_have_none(make: Make) -> None:
    said: list[str] = []
    choose(make({"fp32": {}}), threads=1, say=said.append)
    assert said[0].endswith("it has no golden frames, so what they answer here is not checked")
