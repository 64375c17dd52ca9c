"""Every file that is read, damaged in every way that Hypothesis thinks of: it is read, or refused by an error of ours.

`make hard` and `make fuzz` run the same with more examples (EDGESEG_FUZZ); what failed once is tried first next time.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.accuracy.classes import read_classes
from edgeseg.artifact import read_model
from edgeseg.auto import remembered
from edgeseg.bundle import INDEX, Bundle
from edgeseg.cache import keep, recall
from edgeseg.engines.tensorrt.sidecar import Key, read_engine, sidecar_of, write_engine
from edgeseg.errors import EdgeSegError
from edgeseg.run_settings import read_settings
from edgeseg.spec import Spec

EXAMPLES = int(os.environ.get("EDGESEG_FUZZ", "40"))

PLAN = b"ftrt" + bytes(20) + bytes((10, 3, 0, 26)) + b"the engine"

MODEL_SPEC: dict[str, Any] = {
    "format": 1, "name": "x", "stride": 1, "classes": ["a", "b"], "palette": None, "ignore": None, "licence": "none",
    "input": {
        "width": 8, "height": 8, "resize": "stretch", "pad": 0, "dynamic": False,
        "colour": "RGB", "range": 255, "mean": [0, 0, 0], "std": [1, 1, 1],
    },
}  # fmt: skip

ODD: list[Any] = [None, True, -1, 0, 2**63, 10**400, 0.5, "", "x", "\x1b[31m", "\ud800", [], {}, [[[]]], "../x", 16384]
"""Values to put in the place of others."""


def json_target(data: Any) -> Callable[[st.DataObject], bytes]:
    """JSON with one value replaced, or with its bytes damaged."""

    def draw(source: st.DataObject) -> bytes:
        if source.draw(st.booleans()):
            return damaged(source, json.dumps(data).encode())
        return json.dumps(replaced(source, data)).encode()

    return draw


def replaced(source: st.DataObject, data: Any) -> Any:
    if isinstance(data, dict) and data and source.draw(st.integers(0, 9)):
        key = source.draw(st.sampled_from(sorted(data)))
        return {**data, key: replaced(source, data[key])}
    if isinstance(data, list) and data and source.draw(st.integers(0, 9)):
        at = source.draw(st.integers(0, len(data) - 1))
        return [*data[:at], replaced(source, data[at]), *data[at + 1 :]]
    return source.draw(st.sampled_from(ODD))


def damaged(source: st.DataObject, content: bytes) -> bytes:
    """Bytes with a few changed, added, repeated or taken away."""
    for _ in range(source.draw(st.integers(1, 3))):
        at = source.draw(st.integers(0, len(content)))
        end = min(len(content), at + source.draw(st.integers(0, 12)))
        new = source.draw(st.one_of(st.binary(max_size=6), st.just(content[at:end] * 2), st.just(b"[" * 3000)))
        content = content[:at] + new + content[end:]
    return content


def byte_target(content: bytes) -> Callable[[st.DataObject], bytes]:
    """A file's bytes, damaged."""
    return lambda source: damaged(source, content)


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "bundle", spec)


def fuzz(file: Path, draw: Callable[[st.DataObject], bytes], read: Callable[[], object]) -> None:
    """Reads the file, damaged, often; every error but ours fails the test."""

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(source=st.data())
    def run(source: st.DataObject) -> None:
        file.write_bytes(draw(source))
        with contextlib.suppress(EdgeSegError):
            read()

    run()


def test_bundle(bundle: Bundle) -> None:
    index = bundle.folder / INDEX
    draw = json_target(json.loads(index.read_text()))

    def read() -> None:
        opened = Bundle.open(bundle.folder)
        for artifact in opened.artifacts:
            opened.path(artifact)

    fuzz(index, draw, read)


def test_model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> None:
    file = tmp_path / "model.onnx"
    fuzz(file, byte_target(make_model(spec).SerializeToString()), lambda: read_model(file))


def test_classes(tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    classes = [{"name": "a", "colour": [1, 2, 3]}, {"name": "b", "colour": [4, 5, 6]}]
    fuzz(file, json_target({"classes": classes, "ignore": 255}), lambda: read_classes(file))


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    case = Path(__file__).parents[2] / "shared/cases/security/settings-crash-rc137-s11.bin"
    if not case.exists():
        pytest.skip(f"there is no {case}")
    fuzz(file, json_target(json.loads(case.read_bytes())), lambda: read_settings(file))


def test_spec(tmp_path: Path) -> None:
    model_spec = pytest.importorskip("edgeseg_export.foreign.model_spec")
    file = tmp_path / "spec.json"
    fuzz(file, json_target(MODEL_SPEC), lambda: model_spec.read_model_spec(file))


def test_cache(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    keep(file, b"content" * 9)
    fuzz(file, byte_target(file.read_bytes()), lambda: recall(file))


def test_sidecar(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {}, "0" * 64), {})
    notes = json.loads(sidecar_of(engine).read_text())
    fuzz(sidecar_of(engine), json_target(notes), lambda: read_engine(engine))


def test_answers_of_auto(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed ones: somebody who has the key may still have another version."""
    answer = tmp_path / "auto.json"
    monkeypatch.setattr("edgeseg.auto.recall", lambda _: answer.read_bytes())
    candidate = {"engine": "onnxruntime", "precision": "fp32"}
    data = {"key": {}, "choice": candidate, "measured": [{**candidate, "ms": 2.0}], "left_out": []}
    monkeypatch.setattr("edgeseg.auto._place", lambda *_: (answer, {}))
    fuzz(answer, json_target(data), lambda: remembered(bundle, threads=1))


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
def test_tensors(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from edgeseg.models.weights import load_weights
    from edgeseg.train.checkpoint import averaged_weights

    file = tmp_path / "file.safetensors"
    headers = {
        "weights": {"format": "1", "net": "unet", "width": "0.1", "spec": "{}", "training": "{}"},
        "checkpoint": {"about": "{}", "progress": "{}"},
    }
    save_file({"average/a": torch.zeros(2)}, file, headers[kind])
    read = load_weights if kind == "weights" else averaged_weights
    fuzz(file, byte_target(file.read_bytes()), lambda: read(file))
