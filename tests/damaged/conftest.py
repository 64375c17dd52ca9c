"""Every file that is read, damaged in every way that Hypothesis thinks of: it is read, or refused by an error of ours.

`make hard` and `make fuzz` run the same with more examples (EDGESEG_FUZZ). What failed is kept in tests/fuzz_corpus.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "bundle", spec)
