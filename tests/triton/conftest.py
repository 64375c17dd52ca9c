"""Bundles for the tests of serving, and servers: Triton's own, and one whose faults are chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Head, Spec

pytest.importorskip("tritonclient.grpc", reason="serving needs edgeseg[triton]")


@pytest.fixture(scope="session")
def bundle(
    tmp_path_factory: pytest.TempPathFactory,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    put_golden: Callable[[Bundle], Bundle],
) -> Bundle:
    return put_golden(make_bundle(tmp_path_factory.mktemp("served") / "tiny", spec))


@pytest.fixture(scope="session")
def overlapping(
    tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> Bundle:
    """A bundle whose labels may overlap."""
    labels = replace(spec, name="labels", head=Head("multi-label", "probabilities", 0.5, exclusive=False))
    return make_bundle(tmp_path_factory.mktemp("served") / "labels", labels)


@pytest.fixture(scope="session")
def batched(
    tmp_path_factory: pytest.TempPathFactory,
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    put_golden: Callable[[Bundle], Bundle],
) -> Bundle:
    """A bundle whose network takes four pictures at once."""
    many = replace(spec, name="many", batch=4)
    return put_golden(make_bundle(tmp_path_factory.mktemp("served") / "many", many))
