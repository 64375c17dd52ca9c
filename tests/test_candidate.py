"""What is loaded: the artifact that was asked for, or the best that is exact on this processor."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import onnx
import pytest

import edgeseg
from edgeseg import EdgeSegWarning, EngineError, UsageError
from edgeseg.agreement import Agreement
from edgeseg.artifact import Artifact
from edgeseg.auto import Choice
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.candidate import Candidate
from edgeseg.spec import Spec


@pytest.fixture
def folder(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> Callable[..., Path]:
    """`folder("int8", "fp32")`: a bundle with an artifact for each precision (all the same tiny network)."""

    def make(*precisions: str) -> Path:
        artifacts = {}
        for precision in precisions:
            file = tmp_path / f"tiny.{precision}.onnx"
            onnx.save(make_model(spec), file)
            artifacts[file] = Artifact.of(file, target="onnxruntime", precision=precision)
        return write_bundle(tmp_path / "bundle", spec, artifacts, None).folder

    return make


@pytest.fixture
def without_vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)


def opened_file(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the names of the files that `load` opens."""
    from edgeseg import engines

    names: list[str] = []
    real = engines.open_engine

    def note(name: str, path: Path, spec: Spec, threads: int, content: bytes | None = None) -> engines.Engine:
        names.append(path.name)
        return real(name, path, spec, threads, content)

    monkeypatch.setattr("edgeseg.candidate.open_engine", note)
    return names


@pytest.mark.usefixtures("without_vnni")
def test_int8_is_not_taken_where_it_saturates(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    names = opened_file(monkeypatch)
    with pytest.warns(EdgeSegWarning, match="VNNI.*fp32 is taken"):
        edgeseg.load(folder("int8", "fp32"))
    assert names == ["tiny.fp32.onnx"]


@pytest.mark.usefixtures("without_vnni")
@pytest.mark.parametrize(("agreement", "taken"), [(99.5, "int8-7bit"), (90.0, "fp32")])
def test_seven_bits_are_taken_in_place_of_eight(
    folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, agreement: float, taken: str
) -> None:
    names = opened_file(monkeypatch)
    bundle = Bundle.open(folder("int8", "fp32", "int8-7bit"))
    seven = bundle.artifact(target="onnxruntime", precision="int8-7bit")
    bundle = bundle.record(seven, Agreement(None, agreement, agreement, 0.1, 9.0, 8))
    warned = pytest.warns(EdgeSegWarning, match="VNNI.*fp32 is taken") if taken == "fp32" else nullcontext()
    with warned:
        edgeseg.load(bundle)
    assert names == [f"tiny.{taken}.onnx"]


def test_load_takes_what_auto_chose(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def choose(bundle: Bundle, *, threads: int, precision: str | None, say: object) -> Choice:
        del say
        asked.append((bundle.spec.name, threads, precision))
        return Choice(Candidate("onnxruntime", bundle.artifact(target="onnxruntime", precision="fp32")), (), ())

    monkeypatch.setattr("edgeseg.segmenter.choose", choose)
    names = opened_file(monkeypatch)
    edgeseg.load(folder("int8", "fp32"), engine="auto", threads=2)
    assert names == ["tiny.fp32.onnx"]
    assert asked == [("tiny", 2, None)]


@pytest.mark.usefixtures("without_vnni")
def test_int8_that_was_asked_for_warns(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    names = opened_file(monkeypatch)
    with pytest.warns(EdgeSegWarning, match="expect wrong masks"):
        edgeseg.load(folder("int8", "fp32"), precision="int8")
    assert names == ["tiny.int8.onnx"]


@pytest.mark.usefixtures("without_vnni")
def test_nothing_but_int8_is_an_error(folder: Callable[..., Path]) -> None:
    with pytest.raises(EngineError, match="nothing else"):
        edgeseg.load(folder("int8"))


def test_int8_is_taken_where_it_is_exact(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: True)
    names = opened_file(monkeypatch)
    edgeseg.load(folder("int8", "fp32"))
    assert names == ["tiny.int8.onnx"]


@pytest.mark.usefixtures("without_vnni")
def test_the_very_artifact_is_loaded_without_a_word(
    folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = opened_file(monkeypatch)
    bundle = Bundle.open(folder("fp32", "int8"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = edgeseg.load(bundle, artifact=bundle.artifacts[1], threads=1)
    assert names == ["tiny.int8.onnx"]
    assert model.candidate == Candidate("onnxruntime", bundle.artifacts[1])
    assert str(model.candidate) == "onnxruntime int8"


def test_another_size_is_for_networks_that_take_any(folder: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="takes 30x18 alone, not 64x32"):
        edgeseg.load(folder("fp32"), size=(64, 32))
