"""Pictures and label images find each other by place and name, however a system wrote the name."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from edgeseg.accuracy.layouts.pairing import pairs_by_name
from edgeseg.accuracy.layouts.split_folders import folders_by_split
from edgeseg.errors import DataError


def files(folder: Path, *names: str) -> Path:
    """Empty files, which pairing does not look into."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_accents_written_apart_are_the_same_name(tmp_path: Path) -> None:
    images = files(tmp_path / "images", unicodedata.normalize("NFC", "café/é.png"))
    masks = files(tmp_path / "masks", unicodedata.normalize("NFD", "café/é.png"))
    (pair,) = pairs_by_name(images, masks)
    assert (pair.image.parent.parent, pair.mask.parent.parent) == (images, masks)


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    images = files(tmp_path / "images", "a.png", "._a.png", ".ipynb_checkpoints/a.png")
    masks = files(tmp_path / "masks", "a.png", "._b.png")
    assert len(pairs_by_name(images, masks)) == 1


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_file_that_is_there_but_not_read_is_named(tmp_path: Path, kind: str) -> None:
    for each in ("images", "masks"):
        files(tmp_path / each, "city/a_1.gif" if each == kind else "city/a_1.png")
    with pytest.raises(DataError, match=rf"{kind}/city/a_1\.gif is not read, expected \.bmp, .*: save it as PNG"):
        pairs_by_name(tmp_path / "images", tmp_path / "masks")


def test_where_no_mask_is_read_one_that_is_there_is_named(tmp_path: Path) -> None:
    """As of Carvana, whose masks are GIFs called otherwise than the images."""
    images, masks = files(tmp_path / "images", "a.jpg"), files(tmp_path / "masks", "a_mask.gif")
    with pytest.raises(DataError, match=r"a\.jpg has no partner .*masks/a_mask\.gif is not read, .*: save it as PNG"):
        pairs_by_name(images, masks)
    files(masks, "b.png")
    with pytest.raises(DataError, match=r"a\.jpg has no partner .*; add it, or list the pairs"):
        pairs_by_name(images, masks)


def test_a_name_that_ends_otherwise_is_left_out(tmp_path: Path) -> None:
    images, masks = files(tmp_path / "images", "a_rgb.png"), files(tmp_path / "masks", "a_ids.png", "a_colour.png")
    assert [pair.mask.name for pair in pairs_by_name(images, masks, ends=("_rgb", "_ids"))] == ["a_ids.png"]
    (masks / "a_ids.png").rename(masks / "a_ids.gif")
    with pytest.raises(DataError, match=r"a_ids\.gif is not read"):
        pairs_by_name(images, masks, ends=("_rgb", "_ids"))


def test_links_that_lead_nowhere_are_not_left_out(tmp_path: Path) -> None:
    images, masks = (files(tmp_path / each, "a.png") for each in ("images", "masks"))
    for folder in (images, masks):
        (folder / "b.png").symlink_to("../store/b.png")
    with pytest.raises(DataError, match=r"images/b\.png is a link to \.\./store/b\.png, which is not there"):
        pairs_by_name(images, masks)
    files(tmp_path / "store", "b.png")
    assert len(pairs_by_name(images, masks)) == 2


def test_links_to_folders_that_lead_nowhere_are_not_left_out(tmp_path: Path) -> None:
    images, masks = (files(tmp_path / each, "bonn/a.png") for each in ("images", "masks"))
    for folder in (images, masks):
        (folder / "aachen").symlink_to(f"../store/{folder.name}")
    for read in (lambda: pairs_by_name(images, masks), lambda: folders_by_split(images)):
        with pytest.raises(DataError, match=r"images/aachen is a link to \.\./store/images, which is not there"):
            read()
    for folder in (images, masks):
        files(tmp_path / "store" / folder.name, "b.png")
    assert len(pairs_by_name(images, masks)) == 2
    assert set(folders_by_split(images)) == {"aachen", "bonn"}
    (images / "notes.txt").symlink_to("nowhere")
    (images / ".cache").symlink_to("nowhere")
    assert len(pairs_by_name(images, masks)) == 2


def test_a_folder_that_cannot_be_looked_into_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, masks = (files(tmp_path / each, "a.png", "closed/b.png") for each in ("images", "masks"))
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)  # as root looks into all
    with pytest.raises(DataError, match=r"cannot look into .*images/closed: Permission denied"):
        pairs_by_name(images, masks)


def test_masks_may_all_end_in_what_images_lack(tmp_path: Path) -> None:
    images, masks = files(tmp_path / "images", "a.png", "a_1.png"), files(tmp_path / "masks", "a_L.png", "a_1_L.png")
    assert [pair.mask.name for pair in pairs_by_name(images, masks)] == ["a_L.png", "a_1_L.png"]
    files(images, "b.png")
    with pytest.raises(DataError, match=r"images/b\.png has no partner of that name .* \(1 file without one\)"):
        pairs_by_name(images, masks)


@pytest.mark.parametrize("names", [("a_L.png", "b_R.png"), ("a.png", "b_L.png"), ("a0.png", "b0.png"), ("c.png",)])
def test_other_names_do_not_pair(tmp_path: Path, names: tuple[str, ...]) -> None:
    images, masks = files(tmp_path / "images", "a.png", "b.png"), files(tmp_path / "masks", *names)
    with pytest.raises(DataError, match="has no partner of that name"):
        pairs_by_name(images, masks)


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["image_1.png", "image_2.png"], ["mask_1.png", "mask_2.png"]),
        (["img010.jpg", "img011.jpg"], ["seg010.png", "seg011.png"]),
        (["city/frame 7.png"], ["city/label-7.png"]),
        (["1.jpg"], ["mask1.png"]),
    ],
)
def test_numbers_are_partners_whatever_is_before_them(tmp_path: Path, images: list[str], masks: list[str]) -> None:
    found = pairs_by_name(files(tmp_path / "images", *images), files(tmp_path / "masks", *masks))
    assert [(pair.image.name, pair.mask.name) for pair in found] == [
        (Path(image).name, Path(mask).name) for image, mask in zip(images, masks, strict=True)
    ]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["image_1.png", "image_2.png"], ["mask_1.png", "mask_3.png"]),  # other numbers
        (["image_1.png", "image_2.png"], ["mask_1.png"]),
        (["a_1.png", "b_1.png"], ["mask_1.png", "mask_2.png"]),  # more than one beginning
        (["image_1.png", "image_2.png"], ["mask_1.png", "mask_2.png", "image_1.png"]),  # some are called as images
        (["image_1.png"], ["mask_01.png"]),
    ],
)
def test_other_numbers_are_no_partners(tmp_path: Path, images: list[str], masks: list[str]) -> None:
    with pytest.raises(DataError, match="has no partner of that name"):
        pairs_by_name(files(tmp_path / "images", *images), files(tmp_path / "masks", *masks))
