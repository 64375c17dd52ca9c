"""`edgeseg data check` and `convert`: each fault is found in a data set that has just this one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.check import DataReport, check
from edgeseg.accuracy.check_page import page
from edgeseg.accuracy.convert import convert
from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import DataError, EdgeSegWarning, OutputError

COLOURS = {"road": [128, 64, 128], "car": [64, 0, 128]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three labelled images for training and one for validation, without a fault."""
    folder = tmp_path / "<data>"  # text from outside is data, on the page too
    random = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 1)):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(count):
            frame = random.integers(0, 256, (8, 10, 3), np.uint8)
            cv2.imwrite(str(folder / "images" / split / f"{index}.png"), frame)
            label = np.arange(80, dtype=np.uint8).reshape(8, 10) % 2
            cv2.imwrite(str(folder / "masks" / split / f"{index}.png"), label)
    described = {"classes": [{"name": n, "colour": c} for n, c in COLOURS.items()], "ignore": 255}
    (folder / "classes.json").write_text(json.dumps(described))
    return folder


def sentences(report: DataReport) -> list[str]:
    return [f"{each.weight}: {each.sentence}" for each in report.findings]


def mask_of(data: Path, split: str, value: Any) -> None:
    for path in (data / "masks" / split).iterdir():
        cv2.imwrite(str(path), np.full((8, 10), value, np.uint8))


def test_nothing_speaks_against_good_data(data: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check(data, progress=lambda done, of: calls.append((done, of)))
    assert report.findings == ()
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [split.survey.images for split in report.splits] == [3, 1]
    assert report.splits[0].survey.labelled.tolist() == [120, 120]


def test_a_mask_that_cannot_be_read_hides_no_other_fault(data: Path) -> None:
    """The split had been given up at the first of them."""
    for name in ("0", "2"):
        (data / f"masks/train/{name}.png").write_bytes(b"")
    found = sentences(check(data))
    assert [sentence.partition(": it")[0].partition(";")[0] for sentence in found] == [
        f"fault: train: {data}/masks/train/{name}.png cannot be decoded as an image" for name in ("0", "2")
    ]


def test_masks_that_cannot_be_read_do_not_say_how_others_are_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours had been taken for ids where all that were looked at were damaged."""
    monkeypatch.setattr("edgeseg.accuracy.dataset.LOOKED_AT", 1)
    coloured = np.array([[COLOURS["road"], COLOURS["car"]] * 5] * 8, np.uint8)[..., ::-1]
    for name in ("1", "2"):
        cv2.imwrite(str(data / f"masks/train/{name}.png"), coloured)
    (data / "masks/train/0.png").write_bytes(b"")
    (found,) = sentences(check(data))
    assert "masks/train/0.png cannot be decoded" in found


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_pictures_that_are_turned_are_told(data: Path, suffix: str) -> None:
    """Of TIFF and WebP nothing had been said."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the orientation")
    image = pillow.fromarray(np.random.default_rng(9).integers(0, 256, (8, 10, 3), np.uint8))
    image.getexif()[274] = 3
    (data / "images/train/1.png").unlink()
    image.save(data / f"images/train/1{suffix}", exif=image.getexif())
    (found,) = sentences(check(data))
    assert found.startswith(
        "warning: train: EXIF turns 1 picture; masks count as drawn over what is shown, unless sizes tell otherwise: "
        "look at "
    )


def test_of_masks_of_which_none_can_be_read_nothing_is_counted(data: Path) -> None:
    mask_of(data, "val", 7)
    (found,) = sentences(check(data))
    assert "holds the id 7" in found


def _absent(data: Path) -> None:
    mask_of(data, "train", 0)


def _absent_in_val(data: Path) -> None:
    mask_of(data, "val", 1)


def _ignored(data: Path) -> None:
    for path in (data / "masks/train").iterdir():
        label = np.full((8, 10), 255, np.uint8)
        label[0, :2] = 0, 1
        cv2.imwrite(str(path), label)


def _lossy(data: Path) -> None:
    label = np.zeros((8, 10), np.uint8)
    (data / "masks/train/0.png").unlink()
    cv2.imwrite(str(data / "masks/train/0.jpg"), label)


def _size(data: Path) -> None:
    cv2.imwrite(str(data / "masks/train/0.png"), np.zeros((8, 9), np.uint8))


def _loose(data: Path) -> None:
    cv2.imwrite(str(data / "images/loose.png"), np.zeros((8, 9, 3), np.uint8))


def _partner(data: Path) -> None:
    (data / "masks/train/1.png").unlink()


def _duplicate(data: Path) -> None:
    (data / "images/val/0.png").write_bytes((data / "images/train/1.png").read_bytes())


def _foreground_ignored(data: Path) -> None:
    for path in (data / "masks/train").iterdir():
        label = np.zeros((8, 10), np.uint8)
        label[:4] = 255
        cv2.imwrite(str(path), label)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_absent, "fault: train: the class has no labelled pixel: car"),
        (_absent_in_val, "warning: val: the class has no labelled pixel: road"),
        (_ignored, "fault: train: 97.5 % of the pixels are ignored"),
        (_lossy, "fault: .*is JPEG, which alters class ids"),
        (_size, "fault: train: .*is 10x8, its mask .* 9x8"),
        (_loose, "fault: 1 file beside the splits' folders will not be read: .*loose.png"),
        (_partner, "fault: .*train/1.png has no partner"),
        (_duplicate, "fault: val shares 1 picture with train, such as"),
        (_foreground_ignored, "fault: train: .*car; every pixel is road or ignored: is the foreground ignored"),
    ],
)
def test_each_fault_is_found(data: Path, spoil: Callable[[Path], None], expected: str) -> None:
    spoil(data)
    (sentence,) = sentences(check(data))
    assert re.match(expected, sentence), sentence


@pytest.mark.parametrize(("split", "weight"), [("val", "fault"), ("test", "warning")])
def test_a_split_without_labels_is_a_fault_unless_it_is_held_back(data: Path, split: str, weight: str) -> None:
    mask_of(data, "val", 255)
    for kind in ("images", "masks"):
        (data / kind / "val").rename(data / kind / split)
    absent, ignored = sentences(check(data))
    assert absent == f"{weight}: {split}: the classes have no labelled pixel: road, car"
    assert ignored.startswith(f"{weight}: {split}: 100.0 % of the pixels are ignored")


def test_a_palette_of_other_classes_is_asked_about_once(data: Path) -> None:
    """Until classes.json says whether the ids or the colours are meant."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the indexed PNG")
    for path in (data / "masks/train").iterdir():
        image = pillow.fromarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), "P")
        image.putpalette([*COLOURS["car"], *COLOURS["road"]])
        image.save(path)
    (said,) = sentences(check(data))
    assert said.startswith("warning: train: the palette of 3 masks shows ids in other classes' colours")
    described = json.loads((data / "classes.json").read_text())
    (data / "classes.json").write_text(json.dumps({**described, "masks": "ids"}))
    assert sentences(check(data)) == []


def test_a_foreground_that_is_ignored_is_said_as_data_is_converted(data: Path, tmp_path: Path) -> None:
    _foreground_ignored(data)
    with pytest.warns(EdgeSegWarning, match="train: every pixel is road or ignored: is the foreground ignored"):
        convert(data, tmp_path / "plain")


def test_the_page_shows_findings_and_pictures_and_escapes_names(data: Path) -> None:
    _absent(data)
    text = page(check(data))
    assert "no labelled pixel: car" in text
    assert text.count("data:image/jpeg;base64,") == 4
    assert "<data>" not in text
    assert "&lt;data&gt;" in text


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no data set that edgeseg knows"):
        check(tmp_path)


def test_a_converted_data_set_is_the_same(data: Path, tmp_path: Path) -> None:
    described = json.loads((data / "classes.json").read_text())
    for each, number in zip(described["classes"], (0, 1), strict=True):
        each["id"] = number
    (data / "classes.json").write_text(json.dumps(described | {"ignore": [255, 7]}))
    cv2.imwrite(str(data / "masks/train/0.png"), np.full((8, 10), 7, np.uint8))
    out = tmp_path / "plain"
    assert convert(data, out) == 4
    assert {path.name for path in tmp_path.iterdir()} == {data.name, "plain"}
    for split in ("train", "val"):
        before, after = Dataset.open(data, split), Dataset.open(out, split)
        assert before.classes.names == after.classes.names
        for (frame, label), (same_frame, same_label) in zip(before, after, strict=True):
            assert np.array_equal(frame, same_frame)
            assert np.array_equal(label, same_label)
    with pytest.raises(OutputError, match="exists and is not empty"):
        convert(data, out)


def test_pictures_that_are_not_converted_are_told(data: Path, tmp_path: Path) -> None:
    _loose(data)
    with pytest.warns(EdgeSegWarning, match=r"1 file beside the splits' folders will not be read: .*loose\.png"):
        assert convert(data, tmp_path / "plain") == 4


def test_a_data_set_that_breaks_half_way_leaves_nothing(data: Path, tmp_path: Path) -> None:
    (data / "images/val/0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be decoded"):
        convert(data, tmp_path / "plain")
    assert {path.name for path in tmp_path.iterdir()} == {data.name}


def test_what_comes_into_the_folder_meanwhile_is_not_lost(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"

    def write(done: int, total: int) -> None:
        if done == total:
            out.mkdir()
            (out / "theirs").write_text("kept")

    with pytest.raises(OutputError, match="not empty"):
        convert(data, out, progress=write)
    assert (out / "theirs").read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} == {data.name, "plain"}


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_that_is_there_is_taken_if_it_is_empty(empty: bool, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "plain"
    if empty:
        out.mkdir(parents=True)
    assert convert(data, out) == 4
    assert sorted(path.name for path in out.iterdir()) == ["classes.json", "images", "masks"]


def test_a_file_is_no_folder_to_convert_into(data: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(OutputError, match="a file of that name is there"):
        convert(data, tmp_path / "plain")
