from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from edgeseg.artifact import Artifact, sha256_of
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import BundleError, EdgeSegError
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


@pytest.mark.parametrize(
    ("target", "precision", "advice"),
    [
        ("onnxruntime", "fp16", "choose one of these"),
        ("onnxruntime", "int8", "choose one of these, or make it with `edgeseg quantize '{}' --data DATA`"),
        ("onnxruntime", "int8-7bit", "or make it with `edgeseg quantize '{}' --data DATA --seven-bits`"),
        ("tensorrt", "fp16", "or make it with `edgeseg quantize '{}' --data DATA`"),
        ("tensorrt", "int8-7bit", "choose one of these"),
    ],
)
def test_a_missing_artifact_is_made_by_the_command_that_is_named(
    target: str, precision: str, advice: str, bundle: Bundle
) -> None:
    spaced = replace(bundle, folder=bundle.folder.with_name("my bundle"))
    with pytest.raises(BundleError) as caught:
        spaced.artifact(target=target, precision=precision)
    assert str(caught.value).endswith(advice.format(spaced.folder))


def test_one_plain_artifact_serves_every_runtime(bundle: Bundle) -> None:
    """The first of several; one of its own is not added to."""
    first = bundle.artifacts[0]
    second = replace(first, target="openvino", file="second.onnx")
    several = replace(bundle, artifacts=(first, second))
    assert several.artifacts_for("tensorrt") == [first]
    assert several.artifacts_for("openvino") == [second]
    for precision in ("fp16", "int8"):
        own = replace(first, target="tensorrt", precision=precision, file="own.onnx")
        assert replace(several, artifacts=(first, own)).artifacts_for("tensorrt") == [own, first]
    half = replace(first, precision="fp16", file="half.onnx")
    with pytest.raises(BundleError, match=r"no artifact for tensorrt; it has onnxruntime fp16: choose"):
        replace(bundle, artifacts=(half,)).artifact(target="tensorrt")


@pytest.mark.parametrize(
    "change",
    [
        {"card": INDEX},
        {"card": "tiny.fp32.onnx"},
        {"twin": {"file": "other.onnx"}},  # the same target and precision
        {"twin": {"precision": "fp16"}},  # the same file
        {"twin": {"precision": "fp16", "file": "TINY.FP32.ONNX"}},  # the same on many systems
    ],
)
def test_files_and_kinds_are_there_once(bundle: Bundle, change: dict[str, Any]) -> None:
    twins = [replace(bundle.artifacts[0], **change["twin"])] if "twin" in change else []
    with pytest.raises(BundleError, match="repeats itself"):
        replace(bundle, card=change.get("card"), artifacts=(*bundle.artifacts, *twins))
    other = replace(bundle.artifacts[0], file="other.onnx", precision="fp16")
    assert len(replace(bundle, artifacts=(*bundle.artifacts, other)).artifacts) == 2


def test_what_was_verified_is_no_part_of_a_bundle(bundle: Bundle) -> None:
    opened = Bundle.open(bundle.folder)
    opened.path(opened.artifacts[0])
    assert opened == Bundle.open(bundle.folder)
    assert "_verified=" not in repr(opened)


def test_a_path_is_verified_once_and_content_always(bundle: Bundle) -> None:
    artifact = bundle.artifacts[0]
    path = bundle.path(artifact)
    content = path.read_bytes()
    assert bundle.read(artifact) == content
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert bundle.path(artifact) == path
    with pytest.raises(BundleError, match="altered"):
        bundle.read(artifact)
    with pytest.raises(BundleError, match="altered"):
        Bundle.open(bundle.folder).path(artifact)
    other = replace(artifact, sha256="0" * 64)
    with pytest.raises(BundleError, match=r"has sha256 \w{12}\.\.\. \(\d+ bytes\), bundle\.json says 0{12}\.\.\. "):
        bundle.path(other)


def test_a_file_that_is_larger_than_its_entry_is_not_read(bundle: Bundle) -> None:
    path = bundle.folder / bundle.artifacts[0].file
    length = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BundleError, match=f"it has {length + 1} bytes, expected at most {length}"):
        bundle.read(bundle.artifacts[0])


def test_a_hash_does_not_make_a_model(bundle: Bundle) -> None:
    """A file whose hash is right, and that is none, or one that needs others."""
    path = bundle.folder / bundle.artifacts[0].file
    path.write_bytes(b"text")
    entry = replace(bundle.artifacts[0], sha256=sha256_of(b"text"), bytes=4)
    with pytest.raises(BundleError, match="is not an ONNX model"):
        replace(bundle, artifacts=(entry,)).path(entry)


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


def test_one_artifact_cannot_stand_twice(bundle: Bundle) -> None:
    edit(bundle, lambda data: data["artifacts"].append(data["artifacts"][0]))
    with pytest.raises(BundleError, match="repeats itself"):
        Bundle.open(bundle.folder)


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


def test_figures_are_of_their_artifact_alone(bundle: Bundle, tmp_path: Path) -> None:
    model = tmp_path / "other.onnx"
    model.write_bytes(bundle.path(bundle.artifacts[0]).read_bytes())
    files = {
        bundle.path(bundle.artifacts[0]): bundle.artifacts[0],
        model: Artifact.of(model, target="onnxruntime", precision="fp16"),
    }
    two = write_bundle(tmp_path / "two", bundle.spec, files, None)
    latency = Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64")
    recorded = two.record(two.artifacts[1], latency).artifacts
    assert recorded[0] == two.artifacts[0]
    assert recorded[1].measured == Measured.of(latency)
    elsewhere = Bundle.open(two.folder)
    elsewhere = elsewhere.record(elsewhere.artifacts[0], latency, engine="openvino")
    assert elsewhere.artifacts[0].measured.get(Latency) is None
    assert elsewhere.artifacts[0].measured.get(Latency, engine="openvino") == latency
    assert Bundle.open(two.folder) == elsewhere


def test_the_index_is_for_people_too(bundle: Bundle) -> None:
    text = (bundle.folder / INDEX).read_text()
    assert text.startswith('{\n  "format": 1,\n  "spec": {\n    "format": 1,')
    assert text.endswith("}\n")


def test_a_bundle_does_not_change(bundle: Bundle) -> None:
    with pytest.raises(FrozenInstanceError):
        bundle.card = None  # type: ignore[misc]


def test_every_refusal_is_one_sentence_for_users(bundle: Bundle) -> None:
    edit(bundle, lambda data: data["spec"].update(stride="4"))
    with pytest.raises(EdgeSegError) as raised:
        Bundle.open(bundle.folder)
    assert "\n" not in str(raised.value)
