"""COCO's JSON of a labelling set, read back by COCO's own code."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts import coco
from edgeseg.errors import OutputError
from edgeseg.serve.rules.coco_file import NAME, locked, run_lengths, write_coco

CLASSES = Classes(("road", "car", "sky"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)), 255)

pycocotools = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed (the extra coco)")


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_run_lengths_are_cocos(inside: Any) -> None:
    assert run_lengths(inside) == pycocotools.encode(np.asfortranarray(inside.astype(np.uint8)))["counts"].decode()


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_long_runs(first: int, second: int) -> None:
    inside = np.tile(np.repeat([False, True], [first, second]), 5)[None]
    assert run_lengths(inside) == pycocotools.encode(np.asfortranarray(inside.astype(np.uint8)))["counts"].decode()


def add(folder: Path, name: str, mask: Any) -> None:
    for each, image in (("images", np.zeros((*mask.shape, 3), np.uint8)), ("masks", mask)):
        (folder / each).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / each / f"{name}.{'jpg' if each == 'images' else 'png'}"), image)


def write(folder: Path, without: Collection[str] = ()) -> None:
    with locked(folder):
        write_coco(folder, CLASSES, without=without)


def drawn(folder: Path) -> dict[str, Any]:
    """Masks by image, as our reader of COCO's layout draws them; its class 0 is the background."""
    layout = coco.find(folder)
    assert layout is not None
    assert layout.classes().names == ("background", *CLASSES.names)
    return {pair.image.stem: np.asarray(pair.label().ids) - 1 for pair in layout.splits[None]()}


def test_masks_come_back_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    masks = {f"gate-{number}": random.integers(0, 3, (7, 9)).astype(np.uint8) for number in range(3)}
    masks["gate-0"][2:5, 3] = 255  # to be ignored: no object covers it
    for name, mask in masks.items():
        add(tmp_path, name, mask)
    write(tmp_path)
    assert {name: ids.tolist() for name, ids in drawn(tmp_path).items()} == {n: m.tolist() for n, m in masks.items()}
    document = json.loads((tmp_path / NAME).read_text())
    for key in ("images", "annotations"):
        assert [each["id"] for each in document[key]] == list(range(1, len(document[key]) + 1))
    for each in document["annotations"]:
        assert each["area"] == pycocotools.area(each["segmentation"])
        assert each["bbox"] == pycocotools.toBbox(each["segmentation"]).tolist()


def test_frames_that_come_change_and_go(tmp_path: Path) -> None:
    first, second = np.zeros((4, 5), np.uint8), np.ones((4, 5), np.uint8)
    add(tmp_path, "gate-1", first)
    add(tmp_path, "door-1", first)
    write(tmp_path)
    add(tmp_path, "door-1", second)  # corrected
    add(tmp_path, "gate-2", second)
    write(tmp_path, without={"gate-1"})
    assert {name: ids.tolist() for name, ids in drawn(tmp_path).items()} == {
        "door-1": second.tolist(),
        "gate-2": second.tolist(),
    }


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, "gate-1", np.ones((4, 5), np.uint8))
    write(tmp_path)
    before = (tmp_path / NAME).read_bytes()
    monkeypatch.setattr(cv2, "imdecode", None)
    write(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"info": {"contributor": "CVAT"}}'])
def test_a_file_of_somebody_else_is_left(tmp_path: Path, text: str) -> None:
    add(tmp_path, "gate-1", np.ones((4, 5), np.uint8))
    (tmp_path / NAME).parent.mkdir()
    (tmp_path / NAME).write_text(text)
    with pytest.raises(OutputError, match=r"was not written by edgeseg serve, and is left as it is"):
        write(tmp_path)
    assert (tmp_path / NAME).read_text() == text


def test_edgeseg_reads_the_masks_themselves(tmp_path: Path) -> None:
    add(tmp_path, "gate-1", np.ones((4, 5), np.uint8))
    (tmp_path / "classes.json").write_text(json.dumps(CLASSES.to_json()))
    write(tmp_path)
    assert Dataset.open(tmp_path).classes.names == CLASSES.names


def test_two_cameras_take_turns(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with locked(tmp_path):
            entered.set()

    other = threading.Thread(target=enter, daemon=True)
    with locked(tmp_path):
        other.start()
        assert not entered.wait(0.05)
    assert entered.wait(30)
    other.join()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write .*instances_default\.json: No such file"),
        locked(tmp_path / "x"),
    ):
        pass
