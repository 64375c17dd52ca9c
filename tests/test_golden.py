"""The golden frames of a bundle: what is written is read, and whatever breaks the format is one sentence."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg import kernels
from edgeseg.artifact import sha256_of
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import BundleError
from edgeseg.golden import LARGEST, MOST, Golden, GoldenFile, read_golden
from edgeseg.measured import Latency
from edgeseg.spec import Head, Spec

DIGEST = "0" * 64


@pytest.fixture
def bundle(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle], put_golden: Callable[..., Bundle]
) -> Bundle:
    return put_golden(make_bundle(tmp_path / "tiny", spec))


def edit(bundle: Bundle, change: Callable[[Any], object]) -> None:
    """Changes "golden" in bundle.json as an attacker or an accident would."""
    index = bundle.folder / INDEX
    data = json.loads(index.read_text())
    change(data["golden"])
    index.write_text(json.dumps(data))


def replace_file(bundle: Bundle, which: str, content: bytes) -> Bundle:
    """The bundle with another first "input" or "mask", which bundle.json describes."""
    file = json.loads((bundle.folder / INDEX).read_text())["golden"]["frames"][0][which]["file"]
    (bundle.folder / file).write_bytes(content)
    described = {"sha256": sha256_of(content), "bytes": len(content)}
    edit(bundle, lambda golden: golden["frames"][0][which].update(described))
    return Bundle.open(bundle.folder)


def png(picture: Any) -> bytes:
    return cv2.imencode(".png", np.asarray(picture))[1].tobytes()


def png_by_hand(width: int, height: int, depth: int, colour: int, lines: bytes, interlace: int = 0) -> bytes:
    """A PNG with nothing but what ISO/IEC 15948 asks for."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_what_is_written_is_read(bundle: Bundle) -> None:
    opened = Bundle.open(bundle.folder)
    assert opened == bundle
    assert opened.golden is not None
    assert Golden.from_json(json.loads(json.dumps(opened.golden.to_json()))) == opened.golden
    names = {path.name for path in bundle.folder.iterdir()}
    assert names == {INDEX, *opened.files}
    assert {"golden-0.png", "golden-0.mask.png", "golden-1.png", "golden-1.mask.png"} < names
    recorded = opened.record(opened.artifacts[0], Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64"))
    assert Bundle.open(bundle.folder).golden == recorded.golden == opened.golden


def test_a_mask_is_what_fp32_gives_for_its_picture(bundle: Bundle, spec: Spec) -> None:
    """Against ONNX Runtime itself, and PNG read without OpenCV's help in colours."""
    session = ort.InferenceSession(bundle.path(bundle.artifacts[0]), providers=["CPUExecutionProvider"])
    pairs = list(bundle.golden_frames())
    assert len(pairs) == 2
    for frame, mask in pairs:
        logits = session.run(None, {"frame": frame[np.newaxis]})[0]
        rect = spec.rect(spec.width, spec.height)
        assert np.array_equal(mask, kernels.argmax(logits, spec.width, spec.height, rect=rect))
    assert len(np.unique(pairs[0].mask)) == 3


def test_pictures_are_read_as_the_standard_says(bundle: Bundle, spec: Spec) -> None:
    """Red comes first in a PNG, and last in a frame."""
    red = b"".join(b"\0" + b"\xfe\x01\x02" * spec.width for _ in range(spec.height))
    changed = replace_file(bundle, "input", png_by_hand(spec.width, spec.height, 8, 2, red))
    frame = next(changed.golden_frames()).frame
    assert frame.shape == (spec.height, spec.width, 3)
    assert (frame == (2, 1, 254)).all()


def test_bundles_without_golden_frames_are_read(tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]) -> None:
    bundle = Bundle.open(make_bundle(tmp_path / "old", spec).folder)
    assert bundle.golden is None
    assert list(bundle.golden_frames()) == []
    assert "golden" not in json.loads((bundle.folder / INDEX).read_text())


@pytest.mark.parametrize("which", ["input", "mask"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
        lambda _: b"",
    ],
)
def test_altered_files_are_refused(bundle: Bundle, which: str, damage: Callable[[bytes], bytes]) -> None:
    assert bundle.golden is not None
    path = bundle.folder / getattr(bundle.golden.frames[1], which).file
    path.write_bytes(damage(path.read_bytes()))
    opened = Bundle.open(bundle.folder)
    frames = opened.golden_frames()
    next(frames)
    with pytest.raises(BundleError, match=rf"{path.name}.*(altered|as bundle\.json describes it).*again"):
        next(frames)


def test_missing_files_and_links_out_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    assert bundle.golden is not None
    path = bundle.folder / bundle.golden.frames[0].input.file
    path.rename(tmp_path / "outside.png")
    with pytest.raises(BundleError, match=r"lacks golden-0\.png"):
        Bundle.open(bundle.folder)
    path.symlink_to(tmp_path / "outside.png")
    with pytest.raises(BundleError, match="link out of the bundle"):
        Bundle.open(bundle.folder)


@pytest.mark.parametrize(
    ("which", "content"),
    [
        ("input", png(np.zeros((18, 31, 3), np.uint8))),
        ("input", png(np.zeros((18, 30), np.uint8))),
        ("input", png(np.zeros((18, 30, 4), np.uint8))),
        ("input", png(np.zeros((18, 30, 3), np.uint16))),
        ("input", cv2.imencode(".bmp", np.zeros((18, 30, 3), np.uint8))[1].tobytes()),
        ("input", png_by_hand(30, 18, 8, 2, b"", interlace=1)),
        ("input", b"\x89PNG\r\n\x1a\n"),
        ("mask", png(np.zeros((18, 30, 3), np.uint8))),
        ("mask", png(np.zeros((9, 30), np.uint8))),
        ("mask", png(np.full((18, 30), 3, np.uint8))),
        ("mask", png_by_hand(16384, 16384, 8, 0, b"")),
    ],
)
def test_other_pictures_are_refused(bundle: Bundle, which: str, content: bytes) -> None:
    changed = replace_file(bundle, which, content)
    with pytest.raises(BundleError, match=r"(expected a PNG of 30x18|expected 0 to 2).*export the bundle again"):
        list(changed.golden_frames())


def test_overlapping_labels_have_no_golden_masks(bundle: Bundle, spec: Spec) -> None:
    assert bundle.golden is not None
    several = replace(spec, head=Head("multi-label", exclusive=False))
    with pytest.raises(BundleError, match="labels that may overlap"):
        next(read_golden(bundle.golden, bundle.folder, several))


def frame(number: int, size: int) -> dict[str, Any]:
    return {
        "input": {"file": f"{number}.png", "sha256": DIGEST, "bytes": size},
        "mask": {"file": f"{number}.mask.png", "sha256": DIGEST, "bytes": 1},
    }


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "is None, expected an object"),
        ({}, "no field 'frames'"),
        ({"source": "x", "frames": []}, f"got 0 golden frames, expected 1 to {MOST}"),
        ({"source": "x", "frames": [frame(n, 1) for n in range(MOST + 1)]}, "got 9 golden frames"),
        ({"source": "x", "frames": [frame(n, LARGEST // 2) for n in range(2)]}, "have 1000002 bytes, expected at most"),
        ({"source": "x", "frames": [frame(0, LARGEST + 1)]}, "has 1000001 bytes, expected 1 to"),
        ({"source": "x", "frames": [frame(0, 0)]}, "has 0 bytes"),
        ({"source": "\x1b[2J", "frames": [frame(0, 1)]}, "printable"),
        ({"source": "x", "frames": [{"input": frame(0, 1)["input"]}]}, "no field 'mask'"),
        ({"source": "x", "frames": [{**frame(0, 1), "mask": {}}]}, "no field 'file'"),
    ],
)
def test_broken_descriptions_are_one_sentence(data: Any, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence) as raised:
        Golden.from_json(data)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "change", [{"file": "../golden.png"}, {"file": "a/b"}, {"sha256": "0" * 63}, {"sha256": "x" * 64}, {"bytes": -1}]
)
def test_files_lie_in_the_folder_and_are_hashed(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="expected"):
        GoldenFile(**{"file": "a.png", "sha256": DIGEST, "bytes": 1, **change})


def test_names_do_not_repeat(bundle: Bundle) -> None:
    edit(bundle, lambda golden: golden["frames"][0]["mask"].update(golden["frames"][0]["input"]))
    with pytest.raises(BundleError, match="repeats itself"):
        Bundle.open(bundle.folder)


def test_a_size_is_refused_before_anything_is_read(bundle: Bundle) -> None:
    """A file that has grown is not read to its end."""
    assert bundle.golden is not None
    with (bundle.folder / bundle.golden.frames[0].input.file).open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(BundleError, match="1099511627776 bytes, expected at most"):
        next(Bundle.open(bundle.folder).golden_frames())


def test_what_changed_since_is_not_written(bundle: Bundle, tmp_path: Path) -> None:
    assert bundle.golden is not None
    files = {bundle.path(artifact): artifact for artifact in bundle.artifacts}
    again = write_bundle(tmp_path / "again", bundle.spec, files, None, (bundle.folder, bundle.golden))
    assert [pair.mask.tolist() for pair in again.golden_frames()] == [
        pair.mask.tolist() for pair in bundle.golden_frames()
    ]
    (bundle.folder / bundle.golden.frames[0].mask.file).write_bytes(b"other")
    with pytest.raises(BundleError, match=r"golden-0\.mask\.png"):
        write_bundle(tmp_path / "third", bundle.spec, files, None, (bundle.folder, bundle.golden))
    assert not (tmp_path / "third").exists()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(data: Any) -> list[tuple[Any, Any]]:
    """All (container, key) in JSON data."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in places(data[key])]


@given(data=st.data())
def test_any_changed_field_is_read_or_refused(data: st.DataObject) -> None:
    changed = copy.deepcopy({"source": "x", "frames": [frame(0, 5), frame(1, 7)]})
    place, key = data.draw(st.sampled_from(places(changed)))
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(json_values)
    try:
        golden = Golden.from_json(changed)
    except BundleError:
        return
    assert golden.bytes <= LARGEST
    assert all("/" not in file.file for file in golden.files)
