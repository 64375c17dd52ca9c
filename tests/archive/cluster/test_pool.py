"""The pool of actors, without a cluster; `test_kills` has one."""

from __future__ import annotations

import pytest

pytest.importorskip("edgeseg.archive.cluster.connection", reason="clusters need Ray: pip install 'edgeseg[ray]'")

from edgeseg.archive.cluster.pool import LOOK_SECONDS, LOOKS, look_seconds


def test_the_driver_looks_at_thousands_of_workers_no_more_often_than_at_a_hundred() -> None:
    assert look_seconds(1) == look_seconds(100) == LOOK_SECONDS
    assert 8000 / look_seconds(8000) == LOOKS
