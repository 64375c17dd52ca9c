"""Settings files: what was written is what runs, and what has changed since is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import BundleError, EdgeSegWarning, OutputError, UsageError
from edgeseg.processor import available_cores, processor
from edgeseg.run_settings import RunSettings, read_settings, write_settings
from edgeseg.segmenter import load
from edgeseg.spec import METADATA_KEY, Spec

MakeBundle = Callable[[Path, Spec], Bundle]


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Bundle:
    return make_bundle(tmp_path / "bundle", spec)


@pytest.fixture
def settings(bundle: Bundle) -> RunSettings:
    return RunSettings(
        bundle=str(bundle.folder),
        engine="onnxruntime",
        precision="fp32",
        sha256=bundle.artifacts[0].sha256,
        width=bundle.spec.width,
        height=bundle.spec.height,
        threads=1,
        workers=2,
        processor=processor(),
        cores=available_cores(),
        measured={"p95_ms": 12.5},
    )


texts, numbers = st.text(max_size=8), st.integers(1, 99)


@given(
    st.builds(
        RunSettings,
        bundle=texts,
        engine=texts,
        precision=texts,
        sha256=texts,
        width=numbers,
        height=numbers,
        threads=numbers,
        workers=numbers,
        processor=texts,
        cores=numbers,
        measured=st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False)),
        batch=numbers,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, settings: RunSettings) -> None:
    path = tmp_path_factory.getbasetemp() / "settings.json"
    write_settings(path, settings)
    assert read_settings(path) == settings


def test_it_loads_what_was_chosen(settings: RunSettings, bundle: Bundle) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    model = settings.load()
    assert model.threads == 1
    assert settings.mode == "throughput"
    assert replace(settings, workers=1).mode == "latency"
    assert (model(frame) == load(bundle, threads=1)(frame)).all()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_network_that_takes_any_size_runs_at_the_one_chosen(
    engine: str, tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]
) -> None:
    pytest.importorskip(engine)
    spec = replace(spec, dynamic=True)
    model = make_model(spec)
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(spec.to_json()))  # as exported ones carry it
    file = tmp_path / "any.onnx"
    onnx.save(model, file)
    bundle = write_bundle(
        tmp_path / "any", spec, {file: Artifact.of(file, target="onnxruntime", precision="fp32")}, None
    )
    frame = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    segmenter = load(bundle, engine=engine, precision="fp32", threads=1, size=(64, 32))
    assert segmenter.logits(frame).shape == (1, 3, 8, 16)
    assert segmenter(frame).shape == (32, 64)


def test_another_size_needs_a_network_that_takes_it(settings: RunSettings) -> None:
    with pytest.raises(UsageError, match="takes 30x18 alone, not 64x18"):
        replace(settings, width=64).load()


def test_a_bundle_that_has_changed_is_refused(settings: RunSettings) -> None:
    with pytest.raises(BundleError, match="the bundle has changed"):
        replace(settings, sha256="0" * 64).load()


def test_another_device_is_said(settings: RunSettings) -> None:
    for other in (replace(settings, cores=10_000), replace(settings, processor="Another")):
        with pytest.warns(EdgeSegWarning, match="run edgeseg tune here"):
            other.load()


def test_nothing_is_said_twice(settings: RunSettings, tmp_path: Path) -> None:
    write_settings(tmp_path / "s.json", settings)
    assert read_settings(tmp_path / "s.json", {"engine": None}) == settings
    with pytest.raises(UsageError, match=r"--engine openvino and --settings .* leave one of them out"):
        read_settings(tmp_path / "s.json", {"bundle": None, "engine": "openvino"})


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another file": (lambda data: data.update(what="a sonata"), "expected settings"),
    "the future": (lambda data: data.update(format=2), "format 2, expected 1"),
    "no threads": (lambda data: data.pop("threads"), "no field 'threads'"),
    "zero workers": (lambda data: data.update(workers=0), "workers is 0, expected at least 1"),
    "a name that is none": (lambda data: data.update(bundle=7), "bundle is 7, expected a string"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_files_are_refused(what: str, settings: RunSettings, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_settings(path, settings)
    data = json.loads(path.read_text())
    damage, said = DAMAGE[what]
    damage(data)
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=said):
        read_settings(path)


def test_files_that_are_no_json_or_not_there(tmp_path: Path, settings: RunSettings) -> None:
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(UsageError, match="not readable JSON"):
        read_settings(tmp_path / "s.json")
    with pytest.raises(UsageError, match="cannot read"):
        read_settings(tmp_path / "t.json")
    with pytest.raises(OutputError, match="cannot write"):
        write_settings(tmp_path / "nowhere/s.json", settings)
