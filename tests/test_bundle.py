from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg import bundle as bundles
from edgeseg.artifact import Artifact
from edgeseg.bundle import INDEX, Bundle, write_bundle
from edgeseg.errors import BundleError, EdgeSegError, OutputError, SpecError
from edgeseg.measured import Latency, Measured, Training
from edgeseg.spec import FORMAT, Spec

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Bundle:
    return make_bundle(tmp_path / "tiny", spec)


def edit(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes bundle.json as an attacker or an accident would."""
    index = bundle.folder / INDEX
    data = json.loads(index.read_text())
    change(data)
    index.write_text(json.dumps(data))


def test_what_is_written_is_read(bundle: Bundle) -> None:
    opened = Bundle.open(bundle.folder)
    assert opened == bundle
    artifact = opened.artifact(target="onnxruntime")
    assert artifact == opened.artifact(target="onnxruntime", precision="fp32")
    assert opened.path(artifact) == bundle.folder / "tiny.fp32.onnx"
    assert opened.path(artifact).stat().st_size == artifact.bytes
    assert artifact.measured == Measured({"agreement": {"mask": 1.0}})
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["README.md", INDEX, "tiny.fp32.onnx"]


def test_path_and_name(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "SHIPPED", bundle.folder.parent)
    monkeypatch.chdir(bundle.folder.parent)
    assert Bundle.open("tiny").spec == bundle.spec
    assert Bundle.open("./tiny").folder == Path("tiny")
    assert Bundle.open(Path("tiny")).spec == bundle.spec
    with pytest.raises(BundleError, match=r"no bundle 'rode' comes with edgeseg, which has tiny; .* \./rode"):
        Bundle.open("rode")
    monkeypatch.chdir(bundle.folder)
    assert Bundle.open(".").spec == bundle.spec


def test_missing_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("missing", ".", "file"):
        with pytest.raises(BundleError, match=r"bundle\.json is not there"):
            Bundle.open(tmp_path / place)
    with pytest.raises(BundleError, match="cannot read"):
        Bundle.open(tmp_path / ("x" * 300))


def test_best_artifact_comes_first(bundle: Bundle) -> None:
    small = replace(bundle.artifacts[0], precision="int8", file="small.onnx")
    several = replace(bundle, artifacts=(small, *bundle.artifacts))
    assert several.artifact(target="onnxruntime") is small
    assert several.artifact(target="onnxruntime", precision="fp32") is bundle.artifacts[0]
    with pytest.raises(BundleError, match="has onnxruntime int8, onnxruntime fp32"):
        several.artifact(target="tensorrt", precision="int8")
    assert several.artifact(target="tensorrt") is bundle.artifacts[0]  # fp32 is for every runtime
    half = replace(bundle.artifacts[0], target="tensorrt", precision="fp16", file="half.onnx")
    both = replace(bundle, artifacts=(small, *bundle.artifacts, half))
    assert both.artifacts_for("tensorrt") == [half, bundle.artifacts[0]]
    assert both.artifacts_for("onnxruntime") == [small, bundle.artifacts[0]]
    with pytest.raises(BundleError, match="no artifact for onnxruntime fp16"):
        several.artifact(target="onnxruntime", precision="fp16")


def test_altered_file_is_refused(bundle: Bundle) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(content)
    opened = Bundle.open(bundle.folder)
    with pytest.raises(BundleError, match=r"it was altered or cut off"):
        opened.path(opened.artifacts[0])


def test_cut_off_file_is_refused(bundle: Bundle) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match=r"tiny\.fp32\.onnx"):
        bundle.path(bundle.artifacts[0])


@pytest.mark.parametrize("file", ["tiny.fp32.onnx", "README.md"])
def test_missing_file_is_refused(bundle: Bundle, file: str) -> None:
    (bundle.folder / file).unlink()
    with pytest.raises(BundleError, match=f"lacks {re.escape(file)}"):
        Bundle.open(bundle.folder)


def test_newer_format_asks_for_an_update(bundle: Bundle) -> None:
    edit(bundle, lambda data: data.update(format=FORMAT + 1))
    with pytest.raises(BundleError, match="update edgeseg"):
        Bundle.open(bundle.folder)


@pytest.mark.parametrize(
    "file", ["../tiny.fp32.onnx", "/etc/passwd", "sub/tiny.onnx", "..", ".", "", "a\0b", "a\\b", "é", "x" * 300]
)
@pytest.mark.parametrize("field", ["artifact", "card"])
def test_paths_are_plain_names(bundle: Bundle, file: str, field: str) -> None:
    def change(data: dict[str, Any]) -> None:
        if field == "card":
            data["card"] = file
        else:
            data["artifacts"][0]["file"] = file

    edit(bundle, change)
    with pytest.raises(BundleError, match="expected a plain name"):
        Bundle.open(bundle.folder)


def test_link_out_is_refused_and_link_inside_is_not(bundle: Bundle, tmp_path: Path) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    outside = tmp_path / "outside.onnx"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(BundleError, match="is a link out of the bundle"):
        Bundle.open(bundle.folder)
    path.unlink()
    outside.rename(bundle.folder / "blob.onnx")
    path.symlink_to("blob.onnx")
    assert Bundle.open(bundle.folder) == bundle


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"artifacts": []}, "has no artifacts"),
        ({"artifacts": "all"}, "expected a list"),
        ({"spec": None}, "expected an object"),
        ({"format": 0}, "has format 0"),
        ({"format": True}, "expected an integer"),
        ({"card": 7}, "expected a string"),
    ],
)
def test_index_that_does_not_hold_together(bundle: Bundle, change: dict[str, Any], message: str) -> None:
    edit(bundle, lambda data: data.update(change))
    with pytest.raises(BundleError, match=message):
        Bundle.open(bundle.folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b'{"format": NaN}', b'{"half a character": "\\ud800"}', b"[" * 100_000, b"1" * 5000],
)
def test_index_that_is_not_json(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / INDEX).write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        Bundle.open(bundle.folder)


def test_one_artifact_cannot_stand_twice(bundle: Bundle) -> None:
    edit(bundle, lambda data: data["artifacts"].append(data["artifacts"][0]))
    with pytest.raises(BundleError, match="repeats itself"):
        Bundle.open(bundle.folder)


def places(data: Any) -> list[tuple[Any, Any]]:
    """All (container, key) in JSON data."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in places(data[key])]


@pytest.fixture(scope="module")
def shared_bundle(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: MakeBundle) -> Bundle:
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


def test_recorded_figures_are_kept(bundle: Bundle) -> None:
    recorded = bundle.record(bundle.artifacts[0], Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64"))
    assert Bundle.open(bundle.folder) == recorded
    assert recorded.artifacts[0].measured.facts["agreement"] == {"mask": 1.0}
    assert recorded.artifacts[0].measured.get(Latency) == Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64")
    with pytest.raises(BundleError, match="open it again"):
        recorded.record(bundle.artifacts[0], Training("a", {}))
    with pytest.raises(BundleError, match="use null"):
        recorded.record(recorded.artifacts[0], Training("a", {"hours": float("nan")}))
    assert Bundle.open(bundle.folder) == recorded


def test_a_bundle_is_replaced_by_a_new_one(bundle: Bundle) -> None:
    files = {bundle.path(artifact): artifact for artifact in bundle.artifacts}
    again = write_bundle(bundle.folder, bundle.spec, files, None)
    assert Bundle.open(bundle.folder) == again
    assert not (bundle.folder / "README.md").exists()


@pytest.mark.parametrize("stranger", ["notes.txt", INDEX])
def test_other_files_are_never_replaced(bundle: Bundle, tmp_path: Path, stranger: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / stranger).write_text("mine")
    files = {bundle.path(artifact): artifact for artifact in bundle.artifacts}
    with pytest.raises(OutputError, match="is no bundle"):
        write_bundle(folder, bundle.spec, files, None)
    assert (folder / stranger).read_text() == "mine"
    (bundle.folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"would remove notes\.txt"):
        write_bundle(bundle.folder, bundle.spec, files, None)


def test_failed_writing_leaves_the_old_bundle(bundle: Bundle, tmp_path: Path) -> None:
    model = tmp_path / "new.onnx"
    model.write_bytes(bundle.path(bundle.artifacts[0]).read_bytes())
    described = Artifact.of(model, target="onnxruntime", precision="fp32")
    model.write_bytes(model.read_bytes() + b"\x32\x01x")  # a remark
    with pytest.raises(BundleError, match="changed since it was described"):
        write_bundle(bundle.folder, bundle.spec, {model: described}, None)
    assert Bundle.open(bundle.folder) == bundle
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.onnx", "tiny"]


def test_every_refusal_is_one_sentence_for_users(bundle: Bundle) -> None:
    edit(bundle, lambda data: data["spec"].update(stride="4"))
    with pytest.raises(EdgeSegError) as raised:
        Bundle.open(bundle.folder)
    assert "\n" not in str(raised.value)
