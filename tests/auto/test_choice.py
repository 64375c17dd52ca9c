from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeseg import EdgeSegWarning, EngineError, auto, engines
from edgeseg.artifact import GATE, SEVEN_BITS
from edgeseg.auto import Choice, choose, remembered
from edgeseg.candidate import Candidate
from tests.auto.conftest import BAD, GOOD, Make, Times, names, taken


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
