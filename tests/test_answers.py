from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeseg.answers import keep_answer, recall_answer
from edgeseg.cache import keep

KEY = {"processor": "one", "cores": 2, "artifacts": ["a", "b"]}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read(fields: Any) -> float | None:
    ms = float(fields["ms"])
    return ms if ms > 0 else None


def test_an_answer_is_kept_for_its_question_and_key(cache: Path) -> None:
    assert recall_answer("speed", KEY, read) is None
    keep_answer("speed", KEY, {"ms": 2.5})
    (file,) = cache.glob("*.json")
    assert file.name.startswith("speed-")
    assert recall_answer("speed", KEY, read) == 2.5
    assert recall_answer("weight", KEY, read) is None
    assert recall_answer("speed", {**KEY, "cores": 4}, read) is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"no JSON", b'{"ms": 2.5}', b'{"key": {"processor": "another"}, "ms": 2.5}']
)
def test_what_is_no_answer_for_this_key_is_none(cache: Path, content: bytes) -> None:
    keep_answer("speed", KEY, {"ms": 2.5})
    (file,) = cache.glob("*.json")
    keep(file, content)
    assert recall_answer("speed", KEY, read) is None


@pytest.mark.parametrize("answer", [{"ms": 0}, {"ms": "x"}, {"ms": None}, {"ms": []}, {}])
def test_fields_that_the_reader_cannot_use_are_none(answer: dict[str, Any]) -> None:
    keep_answer("speed", KEY, answer)
    assert recall_answer("speed", KEY, read) is None
