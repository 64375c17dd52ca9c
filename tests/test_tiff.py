"""Forms of TIFF, written sample by sample, are read right or refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.label_file import read_label_image
from edgeseg.errors import DataError
from edgeseg.picture import decode_picture
from edgeseg.tiff import EXTRA, PHOTOMETRIC, PLANES, TILE, Form, form

PATH = Path("a.tif")
Order = Literal["<", ">"]
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXED = range(4)
LAB, MOSAIC = 8, 32803
PALETTE = 320

RANDOM = np.random.default_rng(5)
COLOURS = RANDOM.integers(0, 256, (48, 64, 3), dtype=np.uint8)
GREY = COLOURS[..., 0]
IDS = GREY % 7


def tiff(
    pixels: NDArray[Any], photometric: int, *, order: Order = "<", tile: int = 0, deflate: bool = True, **more: Any
) -> bytes:
    """A file of uint8 or uint16 (H, W) or (H, W, C).

    Args:
        pixels: as they are stored.
        photometric: what they mean.
        order: of bytes.
        tile: side of its tiles; 0: one strip.
        deflate: compressed.
        more: "planes", "extra" and "palette", as their tags have them.
    """
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    planes = [stored] if more.get("planes", 1) == 1 else [stored[..., channel] for channel in range(samples)]
    pieces = [piece for plane in planes for piece in (tiles(plane, tile) if tile else [plane])]
    data = [zlib.compress(piece.tobytes()) if deflate else piece.tobytes() for piece in pieces]
    tags: dict[int, list[int]] = {
        256: [width],
        257: [height],
        258: [8 * pixels.itemsize] * samples,
        PHOTOMETRIC: [photometric],
    }
    tags |= {259: [8 if deflate else 1], 277: [samples], PLANES: [more.get("planes", 1)]}
    tags |= {EXTRA: [more["extra"]]} if "extra" in more else {}
    tags |= {PALETTE: more["palette"]} if "palette" in more else {}
    tags |= {TILE: [tile], 323: [tile]} if tile else {278: [height]}
    places, counts = (324, 325) if tile else (273, 279)
    tags |= {places: [0] * len(data), counts: [len(each) for each in data]}
    # Values lie behind the directory, all of them of 32 bits but the palette, and then the pixels.
    start = 8 + 2 + 12 * len(tags) + 4
    behind = start + sum(4 * len(values) for values in tags.values())
    tags[places] = [behind + sum(map(len, data[:index])) for index in range(len(data))]
    entries, room = b"", b""
    for tag, values in sorted(tags.items()):
        short = tag in (258, 259, PHOTOMETRIC, PLANES, EXTRA, PALETTE)
        packed = struct.pack(f"{order}{len(values)}{'H' if short else 'I'}", *values)
        entries += struct.pack(f"{order}HHI", tag, 3 if short else 4, len(values))
        entries += packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(f"{order}I", start + len(room))
        room += packed if len(packed) > 4 else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return (head + entries + bytes(4) + room).ljust(behind, b"\0") + b"".join(data)


def tiles(plane: NDArray[Any], side: int) -> list[NDArray[Any]]:
    """A plane in tiles, those at its edges filled up."""
    found = []
    for top in range(0, len(plane), side):
        for left in range(0, plane.shape[1], side):
            inside = plane[top : top + side, left : left + side]
            found.append(np.zeros((side, side, *plane.shape[2:]), plane.dtype))
            found[-1][: inside.shape[0], : inside.shape[1]] = inside
    return found


def with_alpha(pixels: NDArray[Any], alpha: int) -> NDArray[Any]:
    return np.dstack([pixels, np.full(pixels.shape[:2], alpha, pixels.dtype)])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [0, 32, 128])
def test_what_is_read(order: Order, tile: int) -> None:
    def read(pixels: NDArray[Any], photometric: int, **more: Any) -> NDArray[Any]:
        return decode_picture(tiff(pixels, photometric, order=order, tile=tile, **more), PATH).image

    wide = np.uint16(257)
    for colours, more in (
        (COLOURS, {}),
        (COLOURS, {"planes": 2}),
        (with_alpha(COLOURS, 255), {"extra": 2}),
        (COLOURS * wide, {}),
    ):
        assert (read(colours, RGB, **more) == COLOURS[..., ::-1]).all()
    for grey, photometric in (
        (GREY, BLACK_IS_ZERO),
        (GREY * wide, BLACK_IS_ZERO),
        (255 - GREY, WHITE_IS_ZERO),
        (~(GREY * wide), WHITE_IS_ZERO),
    ):
        assert (read(grey, photometric) == GREY[..., None]).all()


def test_pixels_that_are_not_seen_are_black() -> None:
    shown = with_alpha(COLOURS, 255)
    shown[:9, :, 3] = 0
    image = decode_picture(tiff(shown, RGB, extra=2), PATH).image
    assert not image[:9].any()
    assert (image[9:] == COLOURS[9:, :, ::-1]).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff(COLOURS * np.uint16(257), RGB, planes=2), "whose channels lie in separate planes, which is not read"),
        (
            tiff(with_alpha(GREY[..., None], 9), BLACK_IS_ZERO, planes=2, extra=2),
            "whose channels lie in separate planes",
        ),
        (tiff(with_alpha(GREY[..., None], 9), BLACK_IS_ZERO, tile=128, extra=2), "in tiles wider than the picture"),
        (
            tiff(with_alpha(COLOURS, 77), RGB, extra=2),
            "with half-transparent pixels, whose colours are lost; save it as PNG",
        ),
        (tiff(COLOURS, LAB), "of other colours than grey, RGB, CMYK and YCbCr, which is not read; save it as PNG"),
        (tiff(GREY, MOSAIC), "of other colours than grey"),
        (tiff(COLOURS, RGB, tile=16, deflate=False), "If not, it is a kind of TIFF that is not read: save it as PNG"),
    ],
    ids=["16-bit planes", "grey and alpha", "wide tiles", "half-transparent", "Lab", "mosaic", "small raw tiles"],
)
def test_what_would_be_misread_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_picture(content, PATH)


def test_masks_with_a_palette(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    palette = [257 * level for level in (*range(256), *range(255, -1, -1), *range(256))]
    path.write_bytes(tiff(IDS, INDEXED, palette=palette))
    label = read_label_image(path)
    assert label.ids is not None
    assert (label.ids == IDS).all()
    path.write_bytes(tiff(IDS, INDEXED, palette=palette, tile=32))
    with pytest.raises(
        DataError, match="is an indexed TIFF in tiles, which are not read; save it in strips, or as PNG"
    ):
        read_label_image(path)


def test_masks_with_alpha(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(with_alpha(COLOURS, 255), RGB, extra=2))
    label = read_label_image(path)
    assert label.colours is not None
    assert (label.colours == COLOURS).all()
    for alpha in (0, 77):
        path.write_bytes(tiff(with_alpha(COLOURS, alpha), RGB, extra=2))
        with pytest.raises(
            DataError, match="is a TIFF with transparent pixels, whose colours are lost; save it as PNG"
        ):
            read_label_image(path)


def test_a_damaged_one_has_the_usual_form() -> None:
    assert form(b"") == form(b"II*\0\x08") == form(tiff(GREY, WHITE_IS_ZERO)[:40]) == Form()
