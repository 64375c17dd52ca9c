"""The two readers of bundles refuse the same: bundle.json with odd values and damaged bytes, and damaged ONNX files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.artifact import sha256_of
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, EdgeSegError
from edgeseg.spec import Head, Spec
from tests.cpp.library import BUNDLE, SPEC, Library, LibraryError

EXAMPLES = int(os.environ.get("EDGESEG_FUZZ", "300"))

fuzz = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])

ODD: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 4, 255, 256, 16384, 16385, 2**31, 2**63, 2**64, 10**400, 0.5, 1e300, 1e400),
    *("", " ", "x", "../x", "\x1b[31m", "\ud800", "\u202e", "\u00e9", "a" * 129, "0" * 64, "fp32", "multi-label"),
    *([], {}, [[[]]], [0, 0, 0], ["a", "a"], {"file": "x"}),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[..., Bundle]) -> Bundle:
    head = Head("multi-label", "probabilities", 0.5)
    return make_bundle(tmp_path_factory.mktemp("odd") / "b", replace(spec, grid="whole", head=head, batch=4))


def mutations(data: Any) -> st.SearchStrategy[Any]:
    """The JSON value with one value in it replaced, left out or added."""
    odd = st.sampled_from(ODD)
    if isinstance(data, dict) and data:
        key = st.sampled_from(sorted(data))
        within = key.flatmap(lambda name: mutations(data[name]).map(lambda new: {**data, name: new}))
        without = key.map(lambda name: {other: value for other, value in data.items() if other != name})
        return st.one_of(within, within, within, without, odd)
    if isinstance(data, list) and data:
        place = st.integers(0, len(data) - 1)
        item = place.flatmap(lambda at: mutations(data[at]).map(lambda new: [*data[:at], new, *data[at + 1 :]]))
        return st.one_of(item, item, odd)
    return odd


def damages(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with one run of them replaced."""
    place, count = st.integers(0, len(content)), st.integers(0, 4)
    new = st.one_of(st.binary(max_size=4), st.sampled_from([b"\0", b"\xff", b'"', b"{", b"[" * 5000, b",", b"1e999"]))
    return st.tuples(place, count, new).map(lambda cut: content[: cut[0]] + cut[2] + content[cut[0] + cut[1] :])


def same_answer(library: Library, folder: Path) -> None:
    try:
        Bundle.open(folder)
        ours = None
    except EdgeSegError as error:
        ours = error
    try:
        library.open_bundle(folder)
        theirs = None
    except LibraryError as error:
        theirs = error
    assert (ours is None) == (theirs is None), (ours, theirs)
    assert theirs is None or theirs.status in (BUNDLE, SPEC)


@fuzz
@given(st.data())
def test_both_refuse_the_same_values(library: Library, bundle: Bundle, data: st.DataObject) -> None:
    index = bundle.folder / "bundle.json"
    before = index.read_text()
    try:
        index.write_text(json.dumps(data.draw(mutations(json.loads(before)))))
        same_answer(library, bundle.folder)
    finally:
        index.write_text(before)


@fuzz
@given(st.data())
def test_both_refuse_the_same_bytes(library: Library, bundle: Bundle, data: st.DataObject) -> None:
    index = bundle.folder / "bundle.json"
    before = index.read_bytes()
    try:
        index.write_bytes(data.draw(damages(before)))
        same_answer(library, bundle.folder)
    finally:
        index.write_bytes(before)


@fuzz
@given(st.data())
def test_both_refuse_the_same_models(library: Library, bundle: Bundle, data: st.DataObject) -> None:
    """The hash is right: what is refused is the model's own bytes."""
    index, (artifact,) = bundle.folder / "bundle.json", bundle.artifacts
    before, model = index.read_text(), bundle.read(artifact)
    path = bundle.folder / artifact.file
    changed = data.draw(damages(model))
    try:
        path.write_bytes(changed)
        renewed = json.loads(before)
        renewed["artifacts"][0].update(sha256=sha256_of(changed), bytes=len(changed))
        index.write_text(json.dumps(renewed))
        opened = Bundle.open(bundle.folder)
        try:
            opened.read(opened.artifacts[0])
            refused = False
        except BundleError:
            refused = True
        try:
            library.open_bundle(bundle.folder, verify=True)
            status = 0
        except LibraryError as error:
            status = error.status
        assert (status == BUNDLE) == refused, status
    finally:
        path.write_bytes(model)
        index.write_text(before)
