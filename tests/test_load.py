"""What `edgeseg.load` takes, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgeseg
from edgeseg.auto import Choice, Timing
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.engines import check_threads
from edgeseg.errors import BundleError, EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.segmenter import load
from edgeseg.spec import Spec
from tests.test_segmenter import noise


@pytest.mark.parametrize("threads", ["2", 1.5, None])
def test_threads_are_whole_numbers(threads: Any) -> None:
    with pytest.raises(EngineError, match=f"got {threads!r} threads, expected 1 to .*, a whole number"):
        check_threads(threads)


def test_load_takes_paths_names_and_bundles(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "tiny", spec)
    monkeypatch.setattr(edgeseg.bundle_index, "SHIPPED", tmp_path)
    for way in (bundle, bundle.folder, str(bundle.folder), "tiny"):
        assert load(way, precision="fp32", threads=2).threads == 2
    assert load("tiny").threads >= 1
    with pytest.raises(BundleError, match="no artifact for onnxruntime int8"):
        load("tiny", precision="int8")
    with pytest.raises(EngineError, match="choose one of"):
        load("tiny", engine="abacus")


def test_altered_artifacts_are_not_loaded(tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle(tmp_path / "tiny", spec)
    model = bundle.folder / bundle.artifacts[0].file
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BundleError, match="altered"):
        load(bundle.folder)


@pytest.mark.parametrize("size", [(30, 18), (44, 26)])
def test_a_dynamic_network_takes_other_sizes(
    size: tuple[int, int], tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]
) -> None:
    bundle = make_bundle(tmp_path / "tiny", replace(spec, dynamic=True))
    if size != (30, 18):
        with pytest.raises(EngineError, match="gives logits"):
            load(bundle, size=(33, 18), threads=1)  # the small network's border is made for its own size
    model = load(bundle, size=size, threads=1)
    assert (model.spec.width, model.spec.height) == size
    assert model.prepare(noise(9, 7)).shape == (1, size[1], size[0], 3)
    assert model(noise(9, 7)).shape == (9, 7)


def test_other_networks_take_their_own_size_alone(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]
) -> None:
    bundle = make_bundle(tmp_path / "tiny", spec)
    assert load(bundle, size=(30, 18), threads=1).spec == spec
    for size in ((31, 18), (30, 19)):
        with pytest.raises(UsageError, match=rf"tiny takes 30x18 alone, not {size[0]}x{size[1]}; export it with"):
            load(bundle, size=size)


def test_an_artifact_may_be_named_and_threads_are_all_cores(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "tiny", spec)
    monkeypatch.setattr("edgeseg.segmenter.choose", None)  # nobody asked for "auto"
    assert load(bundle, threads=1).threads == 1
    model = load(bundle, artifact=bundle.artifacts[0])
    assert model.candidate == Candidate("onnxruntime", bundle.artifacts[0])
    assert model.threads == available_cores()
    for threads in (0, 10**6):
        with pytest.raises(EngineError, match=f"got {threads} threads"):
            load(bundle, threads=threads)


@pytest.mark.parametrize(
    ("measured", "left_out", "told"), [((), (), False), ((), ("int8 is left out",), True), (("timing",), (), True)]
)
def test_what_auto_chose_is_said_where_there_was_a_choice(
    measured: tuple[Any, ...],
    left_out: tuple[str, ...],
    told: bool,
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[..., Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = make_bundle(tmp_path / "tiny", spec)
    candidate = Candidate("onnxruntime", bundle.artifacts[0])
    timings = tuple(Timing(candidate, 2.0) for _ in measured)
    asked: list[dict[str, Any]] = []

    def choose(_: Bundle, **keywords: Any) -> Choice:
        asked.append(keywords)
        return Choice(candidate, timings, left_out)

    monkeypatch.setattr("edgeseg.segmenter.choose", choose)
    sentences: list[str] = []
    say = sentences.append
    assert load(bundle, engine="auto", precision="fp32", threads=2, say=say).candidate is candidate
    assert asked == [{"threads": 2, "precision": "fp32", "say": say}]
    assert [each.startswith("engine auto: onnxruntime") for each in sentences] == ([True] if told else [])
