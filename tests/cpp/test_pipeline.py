"""edgeseg-run's workers by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpp.conftest import run


def test_a_stop_is_heeded_while_writing_is_slow(built: Path) -> None:
    program = built / "edgeseg_pipeline_tests"
    if not program.exists():
        pytest.skip("edgeseg-run was left out: it needs libopencv-dev")
    run(program)
