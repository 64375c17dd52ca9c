"""`edgeseg check`: every engine of this machine asked for the golden frames."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg import cli
from edgeseg.bundle import Bundle
from edgeseg.engines.onnxruntime import OnnxRuntime
from edgeseg.spec import Spec


@pytest.fixture
def bundle(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], put_golden: Callable[..., Bundle]
) -> Bundle:
    return put_golden(make_bundle(tmp_path / "tiny", spec))


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`check(folder, option, ...)`: the exit code of the command."""

    def run(bundle: Path | str, *options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["edgeseg", "check", str(bundle), *options])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    return run


@pytest.fixture
def wrong(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime gives each class another's logits, once the bundle is made."""
    assert bundle.golden is not None
    infer = OnnxRuntime.infer
    monkeypatch.setattr(OnnxRuntime, "infer", lambda self, tensor: np.roll(infer(self, tensor), 1, axis=1))


def test_every_engine_is_asked(bundle: Bundle, check: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert check(bundle.folder, "--json") == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert (found["bundle"], found["golden"], found["good"]) == ("tiny", {"source": "noise", "frames": 2}, True)
    answers = {each["engine"]: each for each in found["answers"]}
    assert answers["onnxruntime"]["shares"] == [100, 100]
    assert answers["onnxruntime"]["least"] == 99
    assert answers["onnxruntime"]["artifact"]["sha256"] == bundle.artifacts[0].sha256
    asked = {*answers, *(each["engine"].split()[0] for each in found["left_out"])}
    assert asked >= {"onnxruntime", "openvino", "onnxruntime:cuda", "tensorrt"}
    assert all(each["reason"] for each in found["left_out"])


def test_the_table_fits_a_terminal(
    bundle: Bundle, check: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert check(bundle.folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "tiny: pixels with fp32's class, 2 frames of noise"
    table = [line for line in lines if not line.startswith("not asked: ")]
    assert all(len(line) <= 80 for line in table)
    assert any(line.split()[1:8:2] == ["onnxruntime", "fp32", "100.00", "100.00"] for line in table)
    assert any(line.startswith("not asked: onnxruntime:cuda fp32: ") for line in lines) or len(table) > 6


@pytest.mark.usefixtures("wrong")
def test_wrong_masks_are_exit_code_1(
    bundle: Bundle, check: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(bundle.folder, "--engine", "onnxruntime") == 1
    printed = capsys.readouterr()
    assert "missed: onnxruntime fp32 gives" in printed.err
    assert "expected 99.00 %" in printed.err
    assert "not asked" not in printed.out
    assert check(bundle.folder, "--engine", "onnxruntime", "--threshold", "0") == 0


def test_a_threshold_is_for_every_engine(bundle: Bundle, check: Callable[..., int]) -> None:
    assert check(bundle.folder, "--engine", "onnxruntime", "--threshold", "100") == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--threshold", "101"], "--threshold is 101, expected 0 to 100, in percent"),
        (["--threshold", "0.99"], "--threshold is 0.99, expected percent; for that fraction write 99"),
        (["--threshold", "nan"], "not a finite number"),
        (["--engine", "abacus"], "no engine 'abacus'"),
        (["--engine", "onnxruntime:cuda"], "no engine could be asked: onnxruntime:cuda fp32: "),
    ],
)
def test_wrong_options_are_one_sentence(
    bundle: Bundle,
    check: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeseg.ort.ort.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert check(bundle.folder, *options) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_bundle_without_golden_frames(
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[..., Bundle],
    check: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(make_bundle(tmp_path / "old", spec).folder) == 2
    assert "bundle tiny has no golden frames" in capsys.readouterr().err


def test_an_altered_golden_frame(
    bundle: Bundle, check: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle.folder / "golden-1.mask.png").write_bytes(b"other")
    assert check(bundle.folder) == 2
    assert "golden-1.mask.png" in capsys.readouterr().err


def test_an_engine_that_fails_is_listed(
    bundle: Bundle, check: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeseg.errors import EngineError

    def fail(*_: Any) -> None:
        raise EngineError("the runtime failed")

    monkeypatch.setattr(OnnxRuntime, "infer", fail)
    assert check(bundle.folder, "--engine", "onnxruntime") == 2
    assert "no engine could be asked: onnxruntime fp32: the runtime failed" in capsys.readouterr().err
