from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeseg import EdgeSegWarning, EngineError, auto, engines
from edgeseg.artifact import GATE, SEVEN_BITS, Artifact
from edgeseg.auto import Choice, Timing, choose, remembered
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


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, ("onnxruntime", "fp32")),
        ({("onnxruntime", "int8"): 4.0, ("openvino", "int8"): 3.9}, ("onnxruntime", "int8")),
        ({("onnxruntime", "int8"): 4.0, ("openvino", "int8"): 3.0}, ("openvino", "int8")),
        ({("onnxruntime", "int8"): 8.8}, ("onnxruntime", "fp32")),
        ({("openvino", "fp32"): 5.0}, ("openvino", "fp32")),
    ],
)
def test_what_is_clearly_faster_is_taken(make: Make, times: Times, stated: Times, expected: tuple[str, str]) -> None:
    times.update(stated)
    choice = choose(make({"int8": GOOD, "fp32": {}}), threads=1)
    assert taken(choice) == expected
    assert len(choice.measured) == 4
    assert str(choice).startswith(" ".join(expected))


@pytest.mark.parametrize(
    ("ours", "theirs", "good"),
    [
        ({"miou": 70.0, "data_sha256": "a"}, {"miou": 70.0 + GATE, "data_sha256": "a"}, True),
        ({"miou": 70.0, "data_sha256": "a"}, {"miou": 70.6, "data_sha256": "a"}, False),
        ({"miou": 70.0, "data_sha256": "a"}, {"miou": 70.0, "data_sha256": "b"}, False),
        ({"miou": None, "data_sha256": "a"}, {"miou": 70.0, "data_sha256": "a"}, False),
        ("text", {}, False),
        (None, None, False),
    ],
)
def test_accuracy_is_a_gate(make: Make, times: Times, ours: Any, theirs: Any, good: bool) -> None:
    times["onnxruntime", "int8"] = 1.0
    bundle = make({"int8": {"evaluation": ours}, "fp32": {"evaluation": theirs}})
    choice = choose(bundle, threads=1)
    assert (taken(choice) == ("onnxruntime", "int8")) is good
    assert ("int8 left out" in str(choice)) is not good


def test_agreement_serves_where_there_are_no_labels(make: Make, times: Times) -> None:
    times["onnxruntime", "int8"] = 1.0
    assert taken(choose(make({"int8": GOOD, "fp32": {}}), threads=1)) == ("onnxruntime", "int8")
    assert taken(choose(make({"int8": BAD, "fp32": {}}), threads=1)) == ("onnxruntime", "fp32")


def test_without_vnni_seven_bits_serve(make: Make, times: Times, monkeypatch: pytest.MonkeyPatch) -> None:
    times.update({("onnxruntime", "int8"): 1.0, ("onnxruntime", SEVEN_BITS): 2.0})
    bundle = make({"int8": GOOD, SEVEN_BITS: GOOD, "fp32": {}})
    assert taken(choose(bundle, threads=1)) == ("onnxruntime", "int8")
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)
    choice = choose(bundle, threads=1)
    assert taken(choice) == ("onnxruntime", SEVEN_BITS)
    assert "VNNI" in str(choice)
    with pytest.raises(EngineError, match="nothing but int8"):
        choose(make({"int8": GOOD}), threads=1)


@pytest.mark.usefixtures("times")
def test_int8_that_saturates_is_taken_with_a_warning(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)
    bundle = make({"int8": GOOD, "fp32": {}})  # without golden frames, which would have shown it
    with pytest.warns(EdgeSegWarning, match="no VNNI, .*: expect wrong masks in places"):
        assert taken(choose(bundle, threads=1, precision="int8"))[1] == "int8"


def test_a_precision_that_was_asked_for_leaves_the_runtime_open(make: Make, times: Times) -> None:
    times.update({("openvino", "int8"): 2.0, ("onnxruntime", "fp32"): 1.0})
    assert taken(choose(make({"int8": BAD, "fp32": {}}), threads=1, precision="int8")) == ("openvino", "int8")


def test_where_there_is_no_choice_nothing_is_measured(
    make: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name if name == "onnxruntime" else None)
    bundle = make({"fp32": {}})
    choice = choose(bundle, threads=1)
    assert choice == Choice(Candidate("onnxruntime", bundle.artifacts[0]), (), ())
    assert not cache.exists()


def test_answers_are_remembered_for_what_they_were_measured_with(
    make: Make, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    times["openvino", "fp32"] = 2.0
    bundle, said = make({"fp32": {}}), list[str]()
    assert remembered(bundle, threads=1) is None
    first = choose(bundle, threads=1, say=said.append)
    times["openvino", "fp32"] = 20.0
    assert choose(bundle, threads=1, say=said.append) == first == remembered(bundle, threads=1)
    assert len(said) == 1
    assert taken(choose(bundle, threads=2)) == ("onnxruntime", "fp32")
    for name, value in (("available_cores", 64), ("processor", "another"), ("runtime_version", "9.9")):
        with monkeypatch.context() as patch:
            patch.setattr(auto, name, lambda *_, value=value: value)
            assert remembered(bundle, threads=1) is None
    assert remembered(make({"fp32": {}, "int8": GOOD}), threads=1) is None


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: text.replace('"ms": 2.0', '"ms": "x"')])
def test_damaged_answers_are_measured_again(
    make: Make, times: Times, cache: Path, damage: Callable[[str], str]
) -> None:
    times["openvino", "fp32"] = 2.0
    bundle = make({"fp32": {}})
    first = choose(bundle, threads=1)
    (file,) = cache.glob("auto-*")
    file.write_text(damage(file.read_text()))
    assert remembered(bundle, threads=1) is None
    assert choose(bundle, threads=1) == first == remembered(bundle, threads=1)


def test_what_does_not_run_is_left_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real measurement: OpenVINO is "there", and cannot start."""
    real = engines.open_engine

    def open_engine(name: str, *rest: Any) -> Any:
        if name == "openvino":
            raise EngineError("no such library")
        return real(name, *rest)

    monkeypatch.setattr("edgeseg.candidate.open_engine", open_engine)
    monkeypatch.setattr(auto, "SECONDS", 0.01)
    choice = choose(make({"fp32": {}, "int8": GOOD}), threads=1)
    assert choice.candidate.engine == "onnxruntime"
    assert {names(each.candidate) for each in choice.measured} == {("onnxruntime", "fp32"), ("onnxruntime", "int8")}
    assert all(each.ms > 0 for each in choice.measured)
    assert "openvino int8 left out: no such library" in choice.left_out
    monkeypatch.setattr("edgeseg.candidate.open_engine", lambda *_: real("abacus", *_[1:]))
    with pytest.raises(EngineError, match="nothing runs"):
        choose(make({"fp32": {}, "int8": GOOD}), threads=2)


def test_what_fails_while_it_is_measured_is_left_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO opens; its INT8 gives one frame, and no other."""
    real, failing = engines.open_engine, {"int8"}

    class Failing:
        def __init__(self, precision: str) -> None:
            self.precision = precision
            self.frames = 0

        def infer(self, _: Any) -> None:
            self.frames += 1
            if self.precision in failing and self.frames > 1:
                raise EngineError("no memory is left")

        def close(self) -> None:
            pass

    def open_engine(name: str, path: Path, *rest: Any) -> Any:
        return Failing(path.suffixes[0][1:]) if name == "openvino" else real(name, path, *rest)

    monkeypatch.setattr("edgeseg.candidate.open_engine", open_engine)
    monkeypatch.setattr(auto, "SECONDS", 0.01)
    choice = choose(make({"fp32": {}, "int8": GOOD}), threads=1)
    assert choice.left_out == ("openvino int8 left out: no memory is left",)
    assert [names(each.candidate) for each in choice.measured] == [
        ("onnxruntime", "fp32"), ("onnxruntime", "int8"), ("openvino", "fp32"),
    ]  # fmt: skip
    failing.add("fp32")
    monkeypatch.setattr("edgeseg.candidate.CPU_RUNTIMES", ("openvino",))
    with pytest.raises(EngineError, match=r"nothing runs .*: openvino fp32 left out: .*; openvino int8 left out"):
        choose(make({"fp32": {}, "int8": GOOD}), threads=2)


def test_of_several_processes_one_measures(make: Make, cache: Path, tmp_path: Path) -> None:
    bundle = make({"fp32": {}, "int8": GOOD, "int8-7bit": GOOD})  # one of the two may be run, whatever the processor
    code = (
        "import sys, edgeseg.auto as auto; from edgeseg.bundle import Bundle; from pathlib import Path; "
        "auto.SECONDS = 0.2; say = lambda _: Path(sys.argv[2]).open('a').write('x'); "
        "print(auto.choose(Bundle.open(Path(sys.argv[1])), threads=1, say=say).candidate)"
    )
    command = [sys.executable, "-c", code, str(bundle.folder), str(tmp_path / "measured")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({each.communicate(timeout=120)[0] for each in running}) == 1
    assert [each.returncode for each in running] == [0, 0, 0]
    assert (tmp_path / "measured").read_text() == "x"
    assert cache.is_dir()


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
