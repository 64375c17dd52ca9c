"""Pictures of every kind, against Pillow; and what they may not do."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.errors import DataError
from edgeseg.picture import check_size, decode_picture, picture_size, read_picture, series_depth
from edgeseg.picture_header import has_more_pictures, png_excess
from edgeseg.video.open import open_source

PIL = pytest.importorskip("PIL.Image", reason="Pillow writes these files")
ImageOps = pytest.importorskip("PIL.ImageOps")

PATH = Path("a.png")


def drawn(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """RGB in blocks, all corners different."""
    coarse = np.random.default_rng(3).integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return coarse.repeat(16, 0).repeat(16, 1)


def saved(image: object, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)  # type: ignore[attr-defined]
    return file.getvalue()


@pytest.mark.parametrize("picture", ["cut off", "32 bits"])
def test_a_picture_that_cannot_be_decoded_is_one_sentence(picture: str, capfd: pytest.CaptureFixture[str]) -> None:
    cut_off = saved(PIL.fromarray(drawn()), "BMP")[:2000]
    content = cut_off if picture == "cut off" else saved(PIL.fromarray(np.zeros((4, 6), np.int32)), "TIFF")
    log = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2
    log.setLogLevel(3)  # as OpenCV starts
    with pytest.raises(DataError, match=r"is it cut off|holds int32 values"):
        decode_picture(content, PATH)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation(form: str, orientation: int) -> None:
    exif = PIL.Exif()
    exif[0x112] = orientation
    known: dict[str, dict[str, object]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    options = known.get(form, {})
    content = saved(PIL.fromarray(drawn()), form, exif=exif, **options)
    shown = np.asarray(ImageOps.exif_transpose(PIL.open(io.BytesIO(content))).convert("RGB"))[..., ::-1]
    image = decode_picture(content, PATH).image
    assert image.shape == shown.shape
    assert np.abs(image.astype(int) - shown).mean() < 2
    assert picture_size(content) == (64, 48)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_every_mode_becomes_bgr(form: str, mode: str) -> None:
    image = PIL.fromarray(drawn()).convert(mode)
    if form == "TIFF" and mode == "LA":
        pytest.skip("OpenCV does not read grey TIFF with alpha")
    read = decode_picture(saved(image, form), PATH).image
    assert np.abs(read.astype(int) - np.asarray(image.convert("RGB"))[..., ::-1]).max() <= 1


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_bgr(form: str) -> None:
    image = PIL.fromarray(drawn()).convert("CMYK")
    options = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    read = decode_picture(saved(image, form, **options), PATH).image
    assert np.abs(read.astype(int) - np.asarray(image.convert("RGB"))[..., ::-1]).mean() < 3


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_bits_that_are_used_become_eight(bits: int, channels: int, extension: str) -> None:
    eight = np.random.default_rng(0).integers(0, 256, (12, 16, channels), dtype=np.uint8)
    eight[0, 0] = 255
    _, content = cv2.imencode(extension, eight.astype(np.uint16) << (bits - 8))
    picture = decode_picture(content.tobytes(), PATH, least=8)
    assert (picture.image == (eight[..., :3] if channels > 1 else eight.repeat(3, 2))).all()
    assert picture.guessed_bits == (None if bits == 16 else bits)
    note = picture.note("a.png")
    assert (note is None) == (bits == 16)


@pytest.mark.parametrize(("bright", "said"), [(0, False), (1, True), (19, True), (21, False)])
def test_a_hot_pixel_that_leaves_the_rest_dark_is_said(bright: int, said: bool) -> None:
    levels = np.random.default_rng(0).integers(0, 1 << 12, (40, 50), dtype=np.uint16)
    levels.flat[:bright] = 65535
    picture = decode_picture(cv2.imencode(".png", levels)[1].tobytes(), PATH)
    assert picture.few_bright is said
    assert ("nearly all of its values use 12 of 16 bits" in str(picture.note("a.png"))) is said


def test_full_range_of_sixteen_bits() -> None:
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(3).reshape(16, 16, 3)
    _, content = cv2.imencode(".png", eight.astype(np.uint16) * 257)
    assert (decode_picture(content.tobytes(), PATH).image == eight).all()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("extension", [".png", ".jpg", ".bmp", ".webp", ".tif"])
@given(width=st.integers(1, 300), height=st.integers(1, 300))
def test_size_is_in_the_first_bytes(extension: str, width: int, height: int) -> None:
    content = cv2.imencode(extension, np.zeros((height, width, 3), np.uint8))[1].tobytes()
    assert picture_size(content) == (width, height)


STARTS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF0000WEBPVP8X", b"II*\0", b"MM\0*", b"BM", b""]


@given(st.sampled_from(STARTS), st.binary())
def test_noise_is_no_picture(start: bytes, noise: bytes) -> None:
    picture_size(start + noise)
    with pytest.raises(DataError, match=r"cannot be decoded|claims to be|is a BigTIFF"):
        decode_picture(start + noise, PATH)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"it is empty \(0 bytes\)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "it is a pointer of Git LFS; .*, git lfs pull",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0", r"it ends or is damaged before it says its size \(10 bytes\)"),
        (b"GIF89a", "it is no PNG, JPEG, WebP, TIFF or BMP"),
    ],
)
def test_why_a_file_is_no_picture(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=f"cannot be decoded as an image; {reason}"):
        decode_picture(content, PATH)


def test_a_small_file_that_claims_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def bomb(side: int) -> bytes:
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")

    with pytest.raises(DataError, match=r"claims to be 37000x37000, more than 180000000 pixels.*EDGESEG_MAX_PIXELS"):
        decode_picture(bomb(37000), PATH)
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", "100")
    with pytest.raises(DataError, match="more than 100 pixels"):
        decode_picture(bomb(11), PATH)
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", "many")
    with pytest.raises(DataError, match="expected a number of pixels"):
        decode_picture(bomb(11), PATH)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_other_depths_are_refused(kind: str, shape: tuple[int, ...]) -> None:
    _, content = cv2.imencode(".tif", np.zeros(shape, kind))
    with pytest.raises(DataError, match=f"holds {kind} values"):
        decode_picture(content.tobytes(), PATH)


@pytest.mark.parametrize("start", [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"])
def test_big_tiff_is_named(start: bytes) -> None:
    with pytest.raises(DataError, match="is a BigTIFF, which is not read; save it as TIFF"):
        decode_picture(start + bytes(100), PATH)


def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(cv2.imencode(".png", np.full((4, 5, 3), 7, np.uint8))[1].tobytes())
    assert (read_picture(path).image == 7).all()


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("order", ["BGRA", "RGBA", "ABGR"])
def test_a_bmp_has_its_own_order_of_colours(order: str, header: int) -> None:
    """Only headers that hold the masks are heeded by OpenCV: others came out with red and blue exchanged."""
    pixel = dict(zip("BGRA", (50, 100, 200, 255), strict=True))
    masks = struct.pack("<4I", *(0xFF << 8 * order.index(colour) for colour in "RGBA"))
    dib = struct.pack("<IiiHHIIiiII", header, 16, -2, 1, 32, 3, 0, 0, 0, 0, 0) + masks[: 12 if header < 56 else 16]
    start = dib + bytes(max(0, header - 56))
    pixels = bytes(pixel[colour] for colour in order) * 32
    content = b"BM" + struct.pack("<IHHI", 14 + len(start) + len(pixels), 0, 0, 14 + len(start)) + start + pixels
    if header < 56 and order != "BGRA":
        with pytest.raises(DataError, match=r"is a BMP whose colours are not in the order BGR.*; save it as PNG"):
            decode_picture(content, PATH)
    else:
        np.testing.assert_array_equal(decode_picture(content, PATH).image, np.full((2, 16, 3), (50, 100, 200)))


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_a_png_of_far_more_data_than_pixels_is_refused(mode: str) -> None:
    """2 MB of it can be inflated to 2 GB, which took seconds, and more for each MB."""
    content = saved(PIL.fromarray(drawn()).convert(mode), "PNG")
    place = content.index(b"IDAT") - 4
    idle = struct.pack(">I4s", 90_000, b"IDAT") + bytes(90_000 + 4)
    assert not png_excess(content)
    assert png_excess(content[:place] + idle + content[place:])
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    assert not png_excess(saved(PIL.fromarray(noise), "PNG", compress_level=0))
    with pytest.raises(DataError, match=r"mask\.png is a PNG with far more data than \d+x\d+ pixels need"):
        check_size(content[:place] + idle + content[place:], Path("mask.png"))


@pytest.mark.parametrize("form", ["TIFF", "PNG", "WEBP"])
def test_pictures_that_are_left_out_are_said(form: str) -> None:
    first, second = PIL.fromarray(drawn()), PIL.fromarray(255 - drawn())
    alone = decode_picture(saved(first, form, lossless=True), PATH)
    assert alone.note(PATH) is None
    several = decode_picture(saved(first, form, lossless=True, save_all=True, append_images=[second]), PATH)
    np.testing.assert_array_equal(several.image, alone.image)
    assert str(several.note(PATH)).startswith("a.png: it holds several pages or frames, and only the first is read")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "more"), [(0, True), (1, False), (2, True), (4, False)])
def test_a_smaller_copy_is_no_page(order: str, kind: int, more: bool) -> None:
    pages = [[(256, 8), (257, 8)], [(254, kind), (256, 4), (257, 4)]]
    content = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    for page in pages:
        entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in page)
        end = len(content) + 2 + len(entries) + 4
        content += struct.pack(f"{order}H", len(page)) + entries + struct.pack(f"{order}I", end)
    content = content[:-4] + bytes(4)
    assert has_more_pictures(content) is more
    assert not has_more_pictures(content[:30])


@pytest.mark.parametrize(("brightest", "depth"), [([200, 255], 8), ([900, 255, 400], 10), ([4000, 300, 4000], 12)])
def test_a_dark_picture_of_a_series_is_read_as_the_others(tmp_path: Path, brightest: list[int], depth: int) -> None:
    paths = [tmp_path / f"{place}.png" for place in range(len(brightest))]
    for path, value in zip(paths, brightest, strict=True):
        cv2.imwrite(str(path), np.full((4, 5, 3), value, np.uint16))
    assert series_depth(paths) == depth
    with open_source(tmp_path) as source:
        levels = [int(frame.image.max()) for frame in source]
    assert levels == [value >> (depth - 8) for value in brightest]


def test_pictures_of_different_depths_are_each_taken_by_themselves(tmp_path: Path) -> None:
    values = (65535, 65535, 65535, 16383, 4095, 1023, 255)
    for place, value in enumerate(values):
        cv2.imwrite(str(tmp_path / f"{place}.png"), np.full((4, 5, 3), value, np.uint16))
    with open_source(tmp_path) as source:
        assert {int(frame.image.max()) for frame in source} == {255}
    assert len(source.warnings) == 4


def test_a_series_of_eight_bits_or_of_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "b.png").write_bytes(b"")
    assert series_depth([tmp_path / "a.png"]) == series_depth([tmp_path / "b.png"]) == series_depth([]) == 8
