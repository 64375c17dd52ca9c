from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.label_file import label_image
from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.errors import DataError, EdgeSegWarning
from edgeseg.picture import read_picture
from tests.accuracy.conftest import CLASSES, read, write


def test_a_mask_drawn_over_a_stored_picture_of_twelve_bits_is_turned_with_it(tmp_path: Path) -> None:
    """A dark picture is read with the depth of its series; the stored one, which is compared with it, was not."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes what EXIF says")
    exif = pillow.Exif()
    exif[274] = 6  # turned clockwise
    for index, brightest in enumerate((4000, 4000, 4000, 500)):
        levels = np.linspace(0, brightest, 24, dtype=np.uint16).reshape(4, 6)
        path = tmp_path / "images" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        pillow.fromarray(levels).save(path, exif=exif)
        write(tmp_path / "masks" / f"{index}.png", np.array([[0, 1, 1, 1, 1, 1]] * 4, np.uint8))
    (tmp_path / "classes.json").write_text(json.dumps(CLASSES))
    dataset = Dataset.open(tmp_path)
    for index in range(4):
        with pytest.warns(EdgeSegWarning, match="12 of 16 bits"):
            frame, label = dataset.load(index)
        assert frame.shape == (6, 4, 3)
        assert label.tolist() == [[0] * 4] + [[1] * 4] * 5


def test_camvid_layout(camvid_like: Path) -> None:
    assert splits(camvid_like) == ["train", "val"]
    data = Dataset.open(camvid_like, "val")
    assert len(data) == 2
    assert data.classes == CAMVID
    assert [pair.image.name for pair in data.pairs] == ["a.png", "b.png"]
    frame, label = data.load(0)
    assert np.array_equal(frame, read(camvid_like / "val" / "a.png", cv2.IMREAD_COLOR))
    assert np.array_equal(label, read(camvid_like / "valannot" / "a.png", cv2.IMREAD_GRAYSCALE))
    assert [label.shape for _, label in data] == [(6, 8), (6, 8)]


def test_plain_layout_with_ids(plain: Path) -> None:
    assert splits(plain) == []
    data = Dataset.open(plain)
    assert data.classes.names == ("road", "car")
    _, label = data.load(0)
    assert label[0].tolist() == [0, 1, 255, 0, 1, 1]


def test_plain_layout_with_colours_and_splits(plain: Path) -> None:
    colours = np.array([[(128, 64, 128), (64, 0, 128), (0, 0, 0)]], np.uint8)
    for kind, content in (("images", np.zeros((1, 3, 3), np.uint8)), ("masks", colours[..., ::-1])):
        next((plain / kind).iterdir()).unlink()
        write(plain / kind / "val" / "two.png", content)
    _, label = Dataset.open(plain, "val").load(0)
    assert label.tolist() == [[0, 1, 255]]
    with pytest.raises(DataError, match="has val"):
        Dataset.open(plain)


def test_pictures_of_twelve_bits_are_read_as_when_running(plain: Path) -> None:
    dataset = Dataset.open(plain)
    eight, label = dataset.load(0)
    path = dataset.pairs[0].image
    deep = eight.astype(np.uint16) << 4
    deep[0, 0] = 4095
    path.write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    with pytest.warns(EdgeSegWarning, match="12 of 16 bits are used"):
        twelve, same = dataset.load(0)
    assert (twelve == read_picture(path).image).all()
    assert twelve.max() == 255
    assert (same == label).all()


def test_digest_follows_content_alone(camvid_like: Path) -> None:
    first = Dataset.open(camvid_like, "val").digest
    assert first != Dataset.open(camvid_like, "train").digest
    for folder in ("val", "valannot"):
        (camvid_like / folder / "a.png").rename(camvid_like / folder / "0.png")
    assert Dataset.open(camvid_like, "val").digest == first
    write(camvid_like / "val" / "b.png", np.zeros((6, 8, 3), np.uint8))
    assert Dataset.open(camvid_like, "val").digest != first


@pytest.mark.parametrize("field", ["id", "colour"])
def test_digest_follows_what_ids_and_colours_mean(plain: Path, field: str) -> None:
    """Figures of other labels were compared: classes.json is no file of the split."""
    file = plain / "classes.json"
    described = json.loads(file.read_text())
    for number, each in enumerate(described["classes"]):
        each["id"] = number
    described["masks"] = "ids" if field == "id" else "colours"
    file.write_text(json.dumps(described))
    before = Dataset.open(plain).digest
    first, second = described["classes"]
    first[field], second[field] = second[field], first[field]
    file.write_text(json.dumps(described))
    assert Dataset.open(plain).digest != before


def test_ids_that_are_the_places_are_no_other_data(plain: Path) -> None:
    file = plain / "classes.json"
    described = json.loads(file.read_text())
    before = Dataset.open(plain).digest
    for number, each in enumerate(described["classes"]):
        each["id"] = number
    file.write_text(json.dumps(described))
    assert Dataset.open(plain).digest == before


@given(data=st.data())
def test_colours_give_the_ids_they_stand_for(data: st.DataObject) -> None:
    level = st.integers(0, 255)
    palette = data.draw(st.lists(st.tuples(level, level, level), min_size=3, max_size=20, unique=True))
    classes = Classes(tuple(map(str, range(len(palette) - 1))), tuple(palette[1:]), 255, palette[0])
    ids = np.array(data.draw(st.lists(st.integers(-1, len(palette) - 2), min_size=1, max_size=12)))[np.newaxis]
    mask = np.array(palette, np.uint8)[ids + 1][..., ::-1]
    path = Path("mask.png")
    assert np.array_equal(classes.label(label_image(mask, path), path), np.where(ids < 0, 255, ids))


def test_the_real_data_set(camvid: Path) -> None:
    data = Dataset.open(camvid, "val")
    assert len(data) == 101
    frame, label = data.load(50)
    assert frame.shape == (360, 480, 3)
    assert label.shape == (360, 480)


def test_links_to_folders_are_followed(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for kind in ("images", "masks"):
        write(elsewhere / kind / "deep" / "two.png", np.zeros((4, 6), np.uint8))
        next((plain / kind).iterdir()).unlink()
        split = plain / kind / "train"
        split.mkdir()
        (split / "city").symlink_to(elsewhere / kind)
        (elsewhere / kind / "deep" / "back").symlink_to(split)
        (elsewhere / kind / "deep" / "itself").symlink_to(".")
    assert [pair.image for pair in Dataset.open(plain, "train").pairs] == [
        plain / "images" / "train" / "city" / "deep" / "two.png"
    ]
