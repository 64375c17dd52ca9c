"""edgeseg-run's workers by themselves."""

from __future__ import annotations

from pathlib import Path

from tests.cpp.conftest import run


def test_a_stop_is_heeded_while_writing_is_slow(built: Path) -> None:
    run(built / "edgeseg_pipeline_tests")
