"""Pictures that EXIF turns, and label images that were drawn over them as stored or as shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.check import check
from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import DataError, EdgeSegWarning
from tests.accuracy.test_layouts import describe

PIL = pytest.importorskip("PIL.Image", reason="Pillow writes what EXIF says")
ImageOps = pytest.importorskip("PIL.ImageOps")

STORED = (np.arange(24).reshape(4, 6) % 5 < 2).astype(np.uint8)
SQUARE = STORED[:, :4]


def exif(orientation: int) -> Any:
    data = PIL.Exif()
    data[274] = orientation
    return data


def shown(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    image = PIL.fromarray(stored)
    image.getexif()[274] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def photo(path: Path, stored: NDArray[np.uint8], orientation: int) -> None:
    """A picture that is bright where the label holds, so that one shows whether the other fits it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PIL.fromarray(np.kron(stored, np.full((16, 16), 255, np.uint8)))
    image.save(path, exif=exif(orientation), lossless=True)


def mask(path: Path, label: NDArray[np.uint8], orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.fromarray(np.kron(label, np.ones((16, 16), np.uint8))).save(path, exif=exif(orientation), lossless=True)


def fits(dataset: Dataset, index: int) -> bool:
    frame, label = dataset.load(index)
    return bool(((frame[..., 0] > 127) == label).mean() > 0.99)  # JPEG blurs edges


@pytest.mark.parametrize("drawn", ["stored", "shown", "with a tag"])
@pytest.mark.parametrize("orientation", range(5, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_size_tells_over_what_a_mask_was_drawn(suffix: str, orientation: int, drawn: str, tmp_path: Path) -> None:
    """Of TIFF, which OpenCV turns whatever it is asked for, a mask of the stored pixels was refused."""
    photo(tmp_path / f"images/a{suffix}", STORED, orientation)
    label = shown(STORED, orientation) if drawn == "shown" else STORED
    mask(tmp_path / "masks/a.png", label, orientation if drawn == "with a tag" else 1)
    describe(tmp_path)
    assert fits(Dataset.open(tmp_path), 0)


@pytest.mark.parametrize("drawn", ["shown", "with a tag"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_whose_size_does_not_tell_were_drawn_over_what_is_shown(
    orientation: int, drawn: str, tmp_path: Path
) -> None:
    photo(tmp_path / "images/a.jpg", SQUARE, orientation)
    label = SQUARE if drawn == "with a tag" else shown(SQUARE, orientation)
    mask(tmp_path / "masks/a.tif", label, orientation if drawn == "with a tag" else 1)
    describe(tmp_path)
    assert fits(Dataset.open(tmp_path), 0)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_masks_whose_size_tells_decide_for_the_others(orientation: int, tmp_path: Path) -> None:
    """Upside-down pictures among sideways ones had masks that were upside down, and nothing said so."""
    photo(tmp_path / "images/a.jpg", SQUARE, orientation)
    mask(tmp_path / "masks/a.png", SQUARE)
    photo(tmp_path / "images/b.jpg", STORED, 6)
    mask(tmp_path / "masks/b.png", STORED)
    photo(tmp_path / "images/c.jpg", STORED, 1)
    mask(tmp_path / "masks/c.png", STORED)
    photo(tmp_path / "images/d.jpg", STORED, 8)
    mask(tmp_path / "masks/d.png", STORED, 8)  # says itself how it is turned, and nothing of the others
    describe(tmp_path)
    dataset = Dataset.open(tmp_path)
    with pytest.warns(EdgeSegWarning, match="drawn over the stored pictures, which EXIF turns"):
        assert fits(dataset, 0)
    assert all(fits(dataset, index) for index in range(4))


def test_masks_whose_sizes_contradict_one_another_decide_nothing(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg", SQUARE, 3)
    mask(tmp_path / "masks/a.png", shown(SQUARE, 3))
    for name, label in (("b", STORED), ("c", shown(STORED, 6))):
        photo(tmp_path / f"images/{name}.jpg", STORED, 6)
        mask(tmp_path / f"masks/{name}.png", label)
    describe(tmp_path)
    dataset = Dataset.open(tmp_path)
    assert all(fits(dataset, index) for index in range(3))
    (finding,) = check(tmp_path).findings
    assert finding.sentence.startswith("EXIF turns 3 pictures; masks count as drawn over what is shown, unless sizes")


def test_coco_tells_the_size_over_which_its_objects_were_drawn(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    images, annotations = [], []
    for index, (stored, orientation) in enumerate(((STORED, 6), (SQUARE, 3))):
        photo(tmp_path / f"images/{index}.jpg", stored, orientation)
        height, width = (16 * size for size in stored.shape)
        images.append({"id": index, "file_name": f"{index}.jpg", "width": width, "height": height})
        runs = np.flatnonzero(np.diff(np.kron(stored, np.ones((16, 16))).T.ravel(), prepend=0, append=2))
        segmentation = {"size": [height, width], "counts": np.diff(runs, prepend=0).tolist()}
        annotations.append({"id": index, "image_id": index, "category_id": 1, "segmentation": segmentation})
    categories = [{"id": 1, "name": "car"}]
    described = {"images": images, "categories": categories, "annotations": annotations}
    (tmp_path / "result.json").write_text(json.dumps(described))
    dataset = Dataset.open(tmp_path)
    with pytest.warns(EdgeSegWarning, match="drawn over the stored pictures"):
        assert all(fits(dataset, index) for index in range(2))


def test_a_mask_that_its_own_exif_turns_away_from_its_picture_is_refused(tmp_path: Path) -> None:
    """It had been turned once more, as the picture is: it lay upside down, and nothing said so."""
    photo(tmp_path / "images/a.jpg", STORED, 6)
    mask(tmp_path / "masks/a.png", shown(STORED, 6), 6)  # all tags copied from the picture
    describe(tmp_path)
    with pytest.raises(DataError, match=r"is, as EXIF turns it, 64x96, its mask \S+, as its own EXIF turns it, 96x64;"):
        Dataset.open(tmp_path).load(0)
