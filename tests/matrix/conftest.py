"""The matrix of other people's networks: every test run takes the small ones, `make matrix` all of them."""

from __future__ import annotations

import importlib
import os

import pytest

from tests.matrix.networks import ALL, CASES, Case, import_torchvision


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    """A network by its name; skipped, with the reason, where its library is absent."""
    name = str(request.param)
    found = CASES[name]
    if not found.small and os.environ.get(ALL) != "all":
        pytest.skip("make matrix takes it")
    try:
        if found.library != "transformers":
            import_torchvision()
        importlib.import_module(found.library)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{found.library} is not here: {error}")
    return name, found
