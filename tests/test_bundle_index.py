"""Bundles by name and path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg import bundle_index
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX, shipped
from edgeseg.errors import BundleError
from edgeseg.spec import Spec

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


def test_path_and_name(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_index, "SHIPPED", bundle.folder.parent)
    monkeypatch.chdir(bundle.folder.parent)
    assert Bundle.open("tiny").spec == bundle.spec
    assert Bundle.open("./tiny").folder == Path("tiny")
    assert Bundle.open(Path("tiny")).spec == bundle.spec
    with pytest.raises(BundleError, match=r"no bundle 'rode' comes with edgeseg, which has tiny; .* \./rode"):
        Bundle.open("rode")
    monkeypatch.chdir(bundle.folder)
    assert Bundle.open(".").spec == bundle.spec


def test_missing_places(tmp_path: Path) -> None:
    for place in ("missing", "."):
        with pytest.raises(BundleError, match=r"bundle\.json is not there"):
            Bundle.open(tmp_path / place)
    with pytest.raises(BundleError, match=r"cannot read .*bundle\.json: File name too long; check its permissions"):
        Bundle.open(tmp_path / ("x" * 300))
    for name in ("./a\0b", "./\ud800"):
        with pytest.raises(BundleError, match=r"'(a\\x00b|\\ud800)' can be no path .*; check it"):
            Bundle.open(name)
    with pytest.raises(BundleError, match=r"https://models\.local/road is a URL, .* by edgeseg fetch"):
        Bundle.open("https://models.local/road")


def test_a_network_is_no_bundle_yet(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("")
    for place in ("net.onnx", "net.onnx/road"):
        with pytest.raises(BundleError, match=rf"{place} is no folder, as a bundle is; .* an ONNX file with edgeseg"):
            Bundle.open(tmp_path / place)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b'{"format": NaN}', b'{"half a character": "\\ud800"}', b"[" * 100_000, b"1" * 5000],
)
def test_index_that_is_not_json(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / INDEX).write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        Bundle.open(bundle.folder)


def test_names_are_of_bundles_that_come_along(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_index, "SHIPPED", bundle.folder.parent)
    monkeypatch.chdir(bundle.folder)
    assert shipped() == ["tiny"]
    with pytest.raises(BundleError, match=r"bundle\.json is not there"):
        Bundle.open("..")
    assert Bundle.open("../tiny").spec == bundle.spec
    monkeypatch.setattr(bundle_index, "SHIPPED", bundle.folder)
    with pytest.raises(BundleError, match="which has none;"):
        Bundle.open("tiny")
