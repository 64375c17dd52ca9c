from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.label_folder import folder_of, label_of

labels = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and bool(text.strip()))


@given(label=labels)
def test_every_label_comes_back_from_one_safe_name(label: str) -> None:
    name = folder_of(label)
    assert label_of(name) == label
    assert not set(name) & set('\\/:*?"<>|')
    assert name[0] not in ". "
    assert name[-1] not in ". "


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("traffic light", "traffic light"),
        ("Straße", "Straße"),
        ("car/van", "car%2Fvan"),
        ("..", "%2E%2E"),
        ("5%", "5%25"),
    ],
)
def test_plain_names_stay(label: str, name: str) -> None:
    assert folder_of(label) == name
