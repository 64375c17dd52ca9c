"""How many frames go into one call: the rule, the measurement, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg import batch_size
from edgeseg.batch_size import GAIN, BatchSize, choose_batch, numbers
from edgeseg.bundle import Bundle
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Spec


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(batch_size, "SECONDS", 0.01)
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Segmenter:
    return load(make_bundle(tmp_path / "tiny", replace(spec, batch=5)), threads=1)


@pytest.mark.parametrize(("most", "expected"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_numbers(most: int, expected: list[int]) -> None:
    assert numbers(most) == expected


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=6))
def test_more_is_taken_where_it_gains(times: list[float]) -> None:
    """Never slower than one, and nothing smaller would do: what is left unchosen gains less than GAIN of the best."""
    ms = dict(zip(numbers(1 << (len(times) - 1)), times, strict=True))
    best = BatchSize(ms).best
    assert best == 1 or ms[best] < GAIN * ms[1]
    assert all(each >= GAIN * ms[best] for each in ms.values())
    assert all(ms[best] < GAIN * ms[number] or number >= best for number in ms if ms[number] < GAIN * ms[1])


def test_words() -> None:
    assert str(BatchSize({1: 10.0, 2: 9.5})) == "one frame in a call; ms a frame here: 10.00 with 1, 9.50 with 2"
    assert str(BatchSize({1: 10.0, 2: 5.0})) == "up to 2 frames in a call; ms a frame here: 10.00 with 1, 5.00 with 2"
    assert str(BatchSize({})) == "one frame in a call, the most that it takes"


def test_it_is_measured_once(model: Segmenter, cache: Path) -> None:
    said: list[str] = []
    first = choose_batch(model, workers=2, say=said.append)
    assert list(first.ms) == [1, 2, 4, 5]
    assert all(ms > 0 for ms in first.ms.values())
    assert choose_batch(model, workers=2, say=said.append) == first
    assert said == ["measuring tiny with up to 5 frames in a call, once, about 0 s"]
    choose_batch(model, workers=1, say=said.append)  # another question
    assert len(said) == 2
    for file in cache.glob("batch-*.json"):
        file.write_bytes(file.read_bytes()[:-9])
    choose_batch(model, workers=1, say=said.append)
    assert len(said) == 3


def test_without_a_choice_nothing_is_measured(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    said: list[str] = []
    assert choose_batch(load(make_bundle(tmp_path / "one", spec), threads=1), workers=2, say=said.append).best == 1
    assert said == []
