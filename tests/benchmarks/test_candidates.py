"""Which artifacts can be run here."""

from __future__ import annotations

from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg_bench.candidates import candidates


def test_all_engines_with_their_variants(tiny: Bundle) -> None:
    chosen, skipped = candidates(tiny, "all")
    names = [name for name, _ in chosen]
    assert {"onnxruntime", "onnxruntime:cuda"} <= set(names)
    assert all(artifact is tiny.artifacts[0] for _, artifact in chosen)
    assert not set(names) & {each["engine"] for each in skipped}


def test_or_the_reason_why_not(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def runtime(name: str) -> Any:
        raise EngineError(f"engine {name} cannot start")

    monkeypatch.setattr("edgeseg.engines.runtime", runtime)
    chosen, skipped = candidates(tiny, "all")
    assert chosen == []
    assert {"engine": "onnxruntime", "reason": "engine onnxruntime cannot start"} in skipped
    with pytest.raises(EngineError, match="cannot start"):
        candidates(tiny, "onnxruntime")
