"""Folders of pictures, and single ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import SourceError
from edgeseg.video.images import natural_key
from edgeseg.video.open import open_source


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        cv2.imwrite(str(tmp_path / f"f{number}.png"), np.full((4, 5, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [frame.name for frame in frames] == ["f1", "f9", "f10"]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 9, 10]
    assert source.frame_count == 3
    assert not source.still


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2000), st.integers(0, 3))))
def test_numbers_in_names_sort_by_value(names: list[tuple[str, int, int]]) -> None:
    paths = [Path(f"{letter}{number}-{part}.png") for letter, number, part in names]
    ordered = [Path(f"{letter}{number}-{part}.png") for letter, number, part in sorted(names)]
    assert sorted(paths, key=natural_key) == ordered


def test_images_of_one_stem_keep_their_names_apart(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 5, 3), np.uint8))
    assert {frame.name for frame in open_source(tmp_path)} == {"a.png", "a.jpg"}


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4)], ids=["grey", "alpha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_images_become_bgr(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full(shape, np.iinfo(dtype).max, dtype))
    with open_source(tmp_path / "a.png") as source:
        (frame,) = source
    assert source.still
    assert frame.image.shape == (4, 5, 3)
    assert frame.image.dtype == np.uint8
    assert (frame.image == 255).all()


def test_unused_bits_are_said_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((4, 5, 3), 4000, np.uint16))
    with open_source(tmp_path) as source:
        assert all((frame.image == 4000 >> 4).all() for frame in source)
    assert source.warnings == [
        f"{tmp_path / 'a.png'}: 12 of 16 bits are used, by the brightest value; they were taken for the range"
    ]


def test_a_dark_picture_of_a_series_is_read_as_its_neighbours(tmp_path: Path) -> None:
    """Alone it would look like 10 bits, and come out four times as bright."""
    for name, level in (("a.png", 4000), ("b.png", 1000), ("c.png", 4000)):
        cv2.imwrite(str(tmp_path / name), np.full((4, 5, 3), level, np.uint16))
    with open_source(tmp_path) as source:
        assert [int(frame.image.max()) for frame in source] == [250, 62, 250]
    assert [warning.partition(" of 16 bits")[0] for warning in source.warnings] == [f"{tmp_path / 'a.png'}: 12"]


def test_a_picture_by_any_of_its_extensions(tmp_path: Path) -> None:
    for number, extension in enumerate((".jpg", ".JPEG", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff")):
        form = {".jpe": ".jpg", ".jfif": ".jpg", ".dib": ".bmp"}.get(extension, extension)
        _, content = cv2.imencode(form, np.full((4, 6, 3), number, np.uint8))
        path = tmp_path / f"{number}{extension}"
        path.write_bytes(content.tobytes())
        with open_source(path) as source:
            assert source.still
    with open_source(tmp_path) as source:
        assert [frame.name for frame in source] == [str(number) for number in range(8)]


def test_what_a_folder_holds_and_is_not_read_is_said(tmp_path: Path) -> None:
    others = ("b.avif", "c.AVIF", "d.heic", "e.pbm", "f.NEF")
    for name in ("a.png", *others, "notes.txt", ".hidden.gif", "bonn/1.png", "empty/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"?")
        if path.suffix == ".png":
            cv2.imwrite(str(path), np.zeros((4, 6, 3), np.uint8))
    for number in range(7):
        (tmp_path / f"city{number}" / "day").mkdir(parents=True)
        cv2.imwrite(f"{tmp_path}/city{number}/day/1.jpg", np.zeros((4, 6, 3), np.uint8))
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
    assert source.warnings == [
        f"{tmp_path} holds folders with images, which are not read: bonn, city0, city1, city2, city3 and 3 more; "
        "run each by its path",
        f"{tmp_path} holds pictures of other kinds, which are not read: 2 .avif, 1 .heic, 1 .nef, 1 .pbm; "
        "convert them",
    ]


def test_folder_of_folders_says_so(tmp_path: Path) -> None:
    (tmp_path / "bonn").mkdir()
    cv2.imwrite(f"{tmp_path}/bonn/1.png", np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(SourceError, match=r"holds no image.* holds folders with images, which are not read: bonn"):
        open_source(tmp_path)


def test_folders_below_are_not_looked_through_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `edgeseg run /` would the whole disk."""
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(Path, "rglob", lambda self, _: itertools.repeat(self / "notes.txt"))
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path)


def test_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path)


def test_broken_image_in_a_folder(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "2.png").write_bytes(b"not a PNG")
    source = open_source(tmp_path)
    next(source)
    with pytest.raises(SourceError, match=r"2\.png cannot be decoded"):
        next(source)


def test_numbers_that_are_not_there_are_said(tmp_path: Path) -> None:
    for number in (7, 8, 10, 14):
        cv2.imwrite(str(tmp_path / f"a{number:03}b.png"), np.zeros((2, 2, 3), np.uint8))
    source = open_source(tmp_path / "a%03db.png")
    assert len(list(source)) == 4
    (warning,) = source.warnings
    assert warning.endswith("4 numbers between 7 and 14 are not there: 9, 11 to 13")
    (tmp_path / "a014b.png").unlink()
    (tmp_path / "a010b.png").unlink()
    assert open_source(tmp_path / "a%03db.png").warnings == []


def test_numbered_images(tmp_path: Path) -> None:
    for number in (1, 2, 10, 1000):
        cv2.imwrite(str(tmp_path / f"img{number:03d}.png"), np.full((4, 5, 3), number % 256, np.uint8))
    cv2.imwrite(str(tmp_path / "img1.png"), np.zeros((4, 5, 3), np.uint8))
    with open_source(tmp_path / "img%03d.png") as source:
        assert [frame.name for frame in source] == ["img001", "img002", "img010", "img1000"]
    with pytest.raises(SourceError, match="no file has a name like"):
        open_source(tmp_path / "none%d.png")
