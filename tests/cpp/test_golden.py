"""Golden frames in C++: verified, decoded by libpng, compared with what the engine gives here."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.cpp.library import BUNDLE, Bytes, Library, LibraryError


def png(image: Bytes) -> bytes:
    """As OpenCV writes it, which takes BGR."""
    done, content = cv2.imencode(".png", image)
    assert done
    return content.tobytes()


def with_chunk(content: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk after its header (ISO/IEC 15948, 5.3)."""
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content[:33] + chunk + content[33:]


class GoldenBundle:
    """A tiny bundle whose golden pictures a test may write."""

    def __init__(self, bundle: Bundle) -> None:
        self.folder, self.spec = bundle.folder, bundle.spec
        random = np.random.default_rng(0)
        self.frame: Bytes = random.integers(0, 256, (self.spec.height, self.spec.width, 3), np.uint8)
        model = edgeseg.load(bundle, engine="onnxruntime", threads=1)
        self.mask: Bytes = np.asarray(model(self.frame), np.uint8)

    def write(self, frame: bytes, mask: bytes) -> None:
        """Puts one golden frame of these PNGs into the bundle."""
        described = {}
        for kind, name, content in (("input", "golden-0.png", frame), ("mask", "golden-0.mask.png", mask)):
            (self.folder / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            described[kind] = {"file": name, "sha256": digest, "bytes": len(content)}
        index = json.loads((self.folder / "bundle.json").read_text())
        index["golden"] = {"source": "noise", "frames": [described]}
        (self.folder / "bundle.json").write_text(json.dumps(index))


@pytest.fixture
def golden(spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], tmp_path: Path) -> GoldenBundle:
    return GoldenBundle(make_bundle(tmp_path / "b", spec))


def test_the_engine_is_compared_with_the_masks(library: Library, golden: GoldenBundle) -> None:
    if not library.engines():
        pytest.skip("libedgeseg was built without a runtime")
    model = library.segmenter(golden.folder, library.engines()[0])
    assert model.check(golden.folder)[0] == 0
    golden.write(png(golden.frame), png(golden.mask))
    assert model.check(golden.folder) == (1, 100.0, 100.0, 99.0)
    wrong = golden.mask.copy()
    wrong[:3] = (wrong[:3] + 1) % 3
    golden.write(png(golden.frame), png(wrong))
    frames, agreement, worst, required = model.check(golden.folder)
    assert frames == 1
    assert agreement == worst == pytest.approx(100 * 15 / 18)
    assert agreement < required
    model.close()


def test_other_chunks_mean_nothing(library: Library, golden: GoldenBundle) -> None:
    if not library.engines():
        pytest.skip("libedgeseg was built without a runtime")
    dark = with_chunk(png(golden.frame), b"gAMA", struct.pack(">I", 20000))
    golden.write(with_chunk(dark, b"tRNS", b"\0\1\0\2\0\3"), with_chunk(png(golden.mask), b"tEXt", b"Comment\0x"))
    model = library.segmenter(golden.folder, library.engines()[0])
    assert model.check(golden.folder)[1] == 100.0
    model.close()


@pytest.mark.parametrize("wrong", ["size", "grey", "deep", "cut", "damaged", "class", "altered", "text"])
def test_pictures_of_another_kind_are_refused(library: Library, golden: GoldenBundle, wrong: str) -> None:
    frame, mask = png(golden.frame), png(golden.mask)
    if wrong == "size":
        frame = png(golden.frame[:-1])
    elif wrong == "grey":
        frame = mask
    elif wrong == "deep":
        frame = png(golden.frame.astype(np.uint16))
    elif wrong == "cut":
        frame = frame[:-20]
    elif wrong == "damaged":
        frame = frame[:200] + bytes([frame[200] ^ 255]) + frame[201:]
    elif wrong == "class":
        mask = png(np.full_like(golden.mask, 3))
    elif wrong == "text":
        mask = b"no picture"
    golden.write(frame, mask)
    if wrong == "altered":
        (golden.folder / "golden-0.png").write_bytes(frame[:-1] + b"\0")
    with pytest.raises(LibraryError, match="golden-0") as caught:
        library.open_bundle(golden.folder, verify=True)
    assert caught.value.status == BUNDLE


@pytest.mark.parametrize("change", [{"bytes": 1_000_001}, {"file": "../x.png"}, {"sha256": "0"}, {"bytes": 0}])
def test_descriptions_out_of_bounds_are_refused(
    library: Library, golden: GoldenBundle, change: dict[str, object]
) -> None:
    golden.write(png(golden.frame), png(golden.mask))
    index = json.loads((golden.folder / "bundle.json").read_text())
    index["golden"]["frames"][0]["input"].update(change)
    (golden.folder / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(LibraryError, match="golden frame") as caught:
        library.open_bundle(golden.folder)
    assert caught.value.status == BUNDLE


def test_golden_frames_are_bounded_together(library: Library, golden: GoldenBundle) -> None:
    golden.write(png(golden.frame), png(golden.mask))
    index = json.loads((golden.folder / "bundle.json").read_text())
    index["golden"]["frames"] *= 9
    (golden.folder / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(LibraryError, match="1 to 8"):
        library.open_bundle(golden.folder)
