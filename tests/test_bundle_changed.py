"""A bundle.json that an accident or an attacker changed: it is read, or refused in one of two ways."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.errors import BundleError, SpecError
from edgeseg.spec import Spec


def places(data: Any) -> list[tuple[Any, Any]]:
    """All (container, key) in JSON data."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in places(data[key])]


@pytest.fixture(scope="module")
def shared_bundle(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("fuzz") / "tiny", spec)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_any_changed_field_is_read_or_refused(shared_bundle: Bundle, data: st.DataObject) -> None:
    index = shared_bundle.folder / INDEX
    original = index.read_text()
    mutated = copy.deepcopy(json.loads(original))
    for _ in range(data.draw(st.integers(1, 2))):
        place, key = data.draw(st.sampled_from(places(mutated)))
        if data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(json_values)
    index.write_text(json.dumps(mutated))
    try:
        opened = Bundle.open(shared_bundle.folder)
        opened.path(opened.artifacts[0])
    except (BundleError, SpecError):
        pass  # any other exception fails the test
    finally:
        index.write_text(original)


@given(data=st.data())
def test_any_changed_byte_is_read_or_refused(shared_bundle: Bundle, data: st.DataObject) -> None:
    index = shared_bundle.folder / INDEX
    original = index.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    changed = data.draw(st.binary(max_size=4))
    index.write_bytes(original[:at] + changed + original[at + data.draw(st.integers(0, 4)) :])
    try:
        Bundle.open(shared_bundle.folder)
    except (BundleError, SpecError):
        pass
    finally:
        index.write_bytes(original)
