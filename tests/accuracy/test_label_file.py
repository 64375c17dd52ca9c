"""What a label image may not be; what its levels, indices and colours mean is tested with the layouts."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.label_file import read_label_image
from edgeseg.errors import DataError
from edgeseg.picture_header import without_texts

Image = pytest.importorskip("PIL.Image", reason="Pillow writes these files")


def png(width: int, height: int, bits: int, colour_type: int) -> bytes:
    """A PNG's first chunk, and no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_one_limit_of_pixels_for_every_format(extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"mask{extension}"
    path.write_bytes(cv2.imencode(extension, np.ones((10, 11), np.uint8))[1].tobytes())
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", "110")
    ids = read_label_image(path).ids
    assert ids is not None
    assert (ids == 1).all()
    monkeypatch.setenv("EDGESEG_MAX_PIXELS", "109")
    with pytest.raises(DataError, match="claims to be 11x10, more than 109 pixels"):
        read_label_image(path)


@pytest.mark.parametrize("colour_type", [0, 3])
def test_a_small_file_that_claims_much_is_refused(colour_type: int, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(png(37000, 37000, 1, colour_type))
    with pytest.raises(DataError, match="claims to be 37000x37000"):
        read_label_image(path)


@pytest.mark.parametrize("length", range(27))
def test_a_first_chunk_that_is_cut_off(length: int, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(png(4, 4, 8, 3)[:length])
    with pytest.raises(DataError, match="cannot be decoded"):
        read_label_image(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mask.png")
    with pytest.raises(DataError, match="it is a device, pipe or socket"):
        read_label_image(tmp_path / "mask.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("mode", "extension"),
    [("L", ".png"), ("P", ".png"), ("RGB", ".png"), ("L", ".tif"), ("P", ".tif"), ("RGB", ".webp")],
)
def test_a_mask_is_turned_as_it_says_itself(mode: str, extension: str, orientation: int, tmp_path: Path) -> None:
    """Pillow says how it is shown; it is asked in memory, as it turns TIFF while it reads."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the orientation")
    operations = pytest.importorskip("PIL.ImageOps")
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = pillow.fromarray(stored).convert("RGB") if mode == "RGB" else pillow.fromarray(stored)
    if mode == "P":
        image.putpalette([level for index in range(6) for level in (9 * index, 0, 7)])
    image.getexif()[274] = orientation
    path = tmp_path / f"mask{extension}"
    image.save(path, exif=image.getexif(), lossless=True)
    shown = operations.exif_transpose(image)
    label = read_label_image(path)
    assert label.ids is not None
    assert label.colours is not None
    assert np.array_equal(label.ids, np.asarray(shown if mode != "RGB" else shown.convert("L")))
    assert np.array_equal(label.colours, np.asarray(shown.convert("RGB")))


@pytest.mark.parametrize("extension", [".tif", ".png"])
def test_several_pages_are_refused_as_one_would_be_taken(extension: str, tmp_path: Path) -> None:
    """A page a class, as ImageJ saves a stack, or frames of an animation."""
    pages = [Image.fromarray(np.full((4, 6), number, np.uint8)) for number in range(2)]
    path = tmp_path / f"mask{extension}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match="holds several pages or frames, expected one mask"):
        read_label_image(path)


@pytest.mark.parametrize("exif", [b"", b"MM", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"])
def test_exif_that_is_damaged_turns_nothing(exif: bytes, tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the EXIF data")
    path = tmp_path / "mask.png"
    pillow.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(path, exif=exif or b"\0")
    ids = read_label_image(path).ids
    assert ids is not None
    assert ids.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_a_palette_hides_no_index(extension: str, bits: int, tmp_path: Path) -> None:
    ids = np.random.default_rng(bits).integers(0, 1 << bits, (5, 11)).astype(np.uint8)
    image = Image.fromarray(ids)
    image.putpalette(np.random.default_rng(9).integers(0, 256, 3 << bits).astype(np.uint8).tolist())
    image.save(tmp_path / f"mask{extension}", **({"bits": bits} if extension == ".png" else {}))
    found = read_label_image(tmp_path / f"mask{extension}")
    assert found.ids is not None
    assert found.colours is not None
    assert found.one_channel
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_array_equal(found.colours, np.asarray(image.convert("RGB")))


def test_texts_of_a_palette_png_are_not_inflated(tmp_path: Path) -> None:
    """FFmpeg inflated a text of 2 MB to all the memory that there was."""
    drawn = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).convert("P")
    drawn.save(tmp_path / "mask.png")
    content = (tmp_path / "mask.png").read_bytes()
    deflate = zlib.compressobj()
    text = b"zTXtk\0\0" + b"".join(deflate.compress(bytes(2**20)) for _ in range(256)) + deflate.flush()
    place = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    bomb = content[:place] + chunk + content[place:]
    assert without_texts(bomb) == without_texts(content)
    (tmp_path / "mask.png").write_bytes(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ids = read_label_image(tmp_path / "mask.png").ids
    assert ids is not None
    assert (ids == np.array(drawn)).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_one_bit_is_the_ids_0_and_1(extension: str, tmp_path: Path) -> None:
    ids = np.random.default_rng(1).integers(0, 2, (5, 11)).astype(np.uint8)
    Image.fromarray(255 * ids).convert("1").save(tmp_path / f"mask{extension}")
    np.testing.assert_array_equal(read_label_image(tmp_path / f"mask{extension}").ids, ids)


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_levels_of_a_tiff_are_ids(order: str, bits: int, tmp_path: Path) -> None:
    ids = np.arange(16, dtype=np.uint8).reshape(2, 8) % (1 << min(bits, 4))
    places = np.unpackbits(ids[..., None], axis=-1)[..., 8 - bits :]
    pixels = np.packbits(places.reshape(2, -1), axis=1).tobytes()
    tags = {256: 8, 257: 2, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: len(pixels)}
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(pixels))
    content = start + pixels + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    (tmp_path / "mask.tif").write_bytes(content)
    np.testing.assert_array_equal(read_label_image(tmp_path / "mask.tif").ids, ids)


def test_jpeg_is_refused_inside_a_tiff_too(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "mask.tif", compression="jpeg")
    with pytest.raises(DataError, match="is JPEG, which alters class ids"):
        read_label_image(tmp_path / "mask.tif")


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0II*\0"])
def test_webp_is_read_where_it_is_lossless(exif: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mask.webp"
    colours = np.random.default_rng(0).integers(0, 256, (5, 11, 3)).astype(np.uint8)
    Image.fromarray(colours).save(path, lossless=True, exif=exif)
    np.testing.assert_array_equal(read_label_image(path).colours, colours)
    Image.fromarray(colours).save(path, exif=exif)
    with pytest.raises(DataError, match="is lossy or animated WebP, which alters class ids as it compresses"):
        read_label_image(path)
    Image.fromarray(colours).save(path, lossless=True, save_all=True, append_images=[Image.fromarray(255 - colours)])
    with pytest.raises(DataError, match="lossy or animated"):
        read_label_image(path)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_minus_one_is_what_it_is_without_a_sign(dtype: type, tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    cv2.imwrite(str(path), np.array([[-1, 0], [7, 300]], dtype))
    np.testing.assert_array_equal(read_label_image(path).ids, np.array([[65535, 0], [7, 300]]))
    cv2.imwrite(str(path), np.array([[-2, 0]], dtype))
    with pytest.raises(DataError, match="expected class ids of up to 16 bits"):
        read_label_image(path)


@pytest.mark.parametrize("factor", [1, 257])
def test_colours_of_8_bits_may_be_written_in_16(factor: int, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (5, 11, 4)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "mask.png"), colours * np.uint16(factor))
    np.testing.assert_array_equal(read_label_image(tmp_path / "mask.png").colours, colours[..., 2::-1])
    cv2.imwrite(str(tmp_path / "mask.png"), colours * np.uint16(200))
    with pytest.raises(DataError, match="16-bit colours, expected 8-bit ones"):
        read_label_image(tmp_path / "mask.png")


def test_void_that_is_minus_one_is_not_white(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.tif"), np.array([[-1, 0]], np.int16))
    assert not read_label_image(tmp_path / "mask.tif").black_and_white


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_black_and_white_may_be_written_with_a_sign(dtype: type, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.tif"), np.array([[255, 0]], dtype))
    assert read_label_image(tmp_path / "mask.tif").black_and_white
