"""Bundles for the tests of serving, and servers: Triton's own, and one whose faults are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tritonclient.grpc", reason="serving needs edgeseg[triton]")

from edgeseg.bundle import Bundle
from edgeseg.spec import Head, Spec
from edgeseg.triton.client import RemoteSegmenter, connect
from edgeseg.triton.servers import Patience
from tests.triton.faulty_server import FaultyServer


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


RANDOM = np.random.default_rng(0)
FRAME = RANDOM.integers(0, 256, (40, 50, 3), np.uint8)
SHORT = Patience(answer=0.5, frame=1.5)


Serve = Callable[[Bundle], FaultyServer]
Connect = Callable[..., RemoteSegmenter]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[FaultyServer] = []

    def start(bundle: Bundle) -> FaultyServer:
        servers.append(FaultyServer(bundle))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def remote(bundle: Bundle, said: list[str]) -> Iterator[Connect]:
    """`remote(server, ...)`: a segmenter on these servers."""
    made: list[RemoteSegmenter] = []

    def start(*servers: FaultyServer | str, **options: Any) -> RemoteSegmenter:
        addresses = [server if isinstance(server, str) else server.address for server in servers]
        options = {"bundle": bundle, "patience": SHORT, "say": said.append, **options}
        made.append(connect(addresses, **options))
        return made[-1]

    yield start
    for model in made:
        model.close()
