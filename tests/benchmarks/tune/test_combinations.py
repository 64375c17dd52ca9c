"""Which combinations there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, UsageError
from edgeseg.proof import Proof
from edgeseg.spec import Spec
from edgeseg_bench.tune.combinations import Combination, combinations


def found(
    *bundles: Bundle, sizes: list[tuple[int, int]] | None = None, threads: list[int] | None = None
) -> list[Combination]:
    folders = [str(bundle.folder) for bundle in bundles]
    return combinations(folders, engine_name="onnxruntime", sizes=sizes, threads=threads)[0]


@pytest.mark.parametrize(("cores", "powers"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_every_number_of_threads_fills_the_cores(
    cores: int, powers: list[int], tiny: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg_bench.tune.combinations.available_cores", lambda: cores)
    choices = found(tiny)
    assert [each.threads for each in choices] == powers
    assert all(each.workers == cores // each.threads for each in choices)


def test_a_network_that_takes_any_size_is_tried_in_three(tiny: Bundle, sized: Bundle) -> None:
    assert {each.size for each in found(sized)} == {(16, 8), (24, 12), (32, 16)}
    assert {each.size for each in found(tiny)} == {(30, 18)}


def test_given_sizes_are_for_networks_that_take_any(tiny: Bundle, sized: Bundle) -> None:
    choices = found(tiny, sized, sizes=[(40, 24), (40, 24)], threads=[1])
    assert [each.size for each in choices] == [(30, 18), (40, 24)]
    with pytest.raises(UsageError, match="none of these does"):
        found(tiny, sizes=[(40, 24)])


def test_batches_are_tried_where_they_are_asked_for(
    tiny: Bundle, make_bundle: Callable[..., Bundle], spec: Spec, tmp_path: Path
) -> None:
    several = make_bundle(tmp_path / "several", replace(spec, batch=3))
    folders = [str(several.folder), str(tiny.folder)]
    choices, _ = combinations(folders, engine_name="onnxruntime", sizes=None, threads=[1], batches=True)
    assert [each.batch for each in choices] == [1, 2, 3, 1]
    assert [each.name.endswith(f", {each.batch} frames a call") for each in choices] == [False, True, True, False]
    assert {each.batch for each in found(several)} == {1}


def test_names_differ_and_say_it_all(tiny: Bundle, sized: Bundle) -> None:
    choices = found(tiny, sized)
    assert len({each.name for each in choices}) == len(choices)
    assert "any fp32 16x8, onnxruntime, " in " ".join(each.name for each in choices)


def test_engines_that_are_absent_or_refuse_are_named_once(tiny: Bundle, sized: Bundle) -> None:
    folders = [str(tiny.folder), str(sized.folder)]
    choices, skipped = combinations(folders, engine_name="all", sizes=None, threads=None)
    assert "onnxruntime" in {each.engine for each in choices}
    names = [each["engine"] for each in skipped]
    assert len(set(names)) == len(names)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert f"onnxruntime:cuda with {tiny.folder} fp32" in names
        assert "onnxruntime:cuda" not in {each.engine for each in choices}


@pytest.mark.parametrize("threads", [0, 100_000])
def test_more_threads_than_cores_are_refused(threads: int, tiny: Bundle) -> None:
    with pytest.raises(UsageError, match=f"threads is {threads}, expected 1 to"):
        found(tiny, threads=[threads])


def test_wrong_masks_of_the_golden_frames_are_a_reason(
    tmp_path: Path,
    spec: Spec,
    make_bundle: Callable[..., Bundle],
    put_golden: Callable[..., Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = put_golden(make_bundle(tmp_path / "golden", replace(spec, name="golden")))
    assert found(bundle)
    monkeypatch.setattr("edgeseg_bench.candidates.ask", lambda *_: Proof((90.0, 96.0), 1.0))
    with pytest.raises(EngineError, match=r"golden frames have 93\.00 % of fp32's pixels on this machine, expected 99"):
        found(bundle)
