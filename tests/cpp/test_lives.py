"""Reconnection has the same states in C++ and in Python: kept vectors, and lives that Hypothesis thinks up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cpp.conftest import run
from tests.cpp.lives import CAUSES, LIVES, lived, lives

afters = st.floats(0, 40) | st.sampled_from([0.0, 3.0, 6.0, 13.0])
events = st.one_of(
    st.fixed_dictionaries({"kind": st.just("frame"), "after": afters, "unchanged": st.sampled_from([0.0, 9.9, 10.0])}),
    st.fixed_dictionaries({"kind": st.just("lost"), "after": afters, "cause": st.sampled_from(CAUSES)}),
    st.fixed_dictionaries({"kind": st.sampled_from(["due", "tick"]), "after": afters}),
)
policies = st.fixed_dictionaries(
    {
        "stall_after": st.floats(0.1, 3600),
        "connect_within": st.floats(0.1, 100),
        "give_up_after": st.none() | st.floats(0.1, 1000),
    }
)


def test_the_vectors_are_what_python_gives() -> None:
    assert json.loads(LIVES.read_text()) == json.loads(json.dumps(lives()))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(policies, st.floats(0, 1), st.floats(-1e6, 1e6), st.lists(events, max_size=30)), min_size=1))
def test_cpp_lives_as_python(
    built: Path, tmp_path: Path, many: list[tuple[dict[str, Any], float, float, list[dict[str, Any]]]]
) -> None:
    program = built / "edgeseg_lives_tests"
    if not program.exists():
        pytest.skip("libedgeseg is left out")
    file = tmp_path / "lives.json"
    file.write_text(json.dumps([lived(*each) for each in many]))
    run(program, file)
