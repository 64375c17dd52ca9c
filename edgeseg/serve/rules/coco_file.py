"""COCO's JSON beside a data set of masks, for tools that label: annotations/instances_default.json.

Each class that a mask has is one annotation with run lengths (cocodataset.org, "Data format"): how many pixels, column
by column, lie outside and inside of it by turns, written in its letters. They are as exact as the masks. The id of a
category is the class id and one, as 0 is no category for some tools.

The file is its own memory: what it says of a mask that has not changed since is taken over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.arrays import Mask
from edgeseg.atomic import new_file
from edgeseg.errors import OutputError

NAME = Path("annotations", "instances_default.json")

AUTHOR = "edgeseg serve"
"""In the file's `info`: a file that lacks it is somebody's own, such as one with corrections, and is left alone."""

LARGEST = 1 << 29
"""Bytes of a file that is read."""

Record = dict[str, Any]
Known = dict[str, tuple[Record, list[Record]]]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While it is held, nobody else writes the file of a data set, or deletes frames that it lists.

    Raises:
        OutputError: the folder cannot be had.
    """
    path = folder / NAME
    try:
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with suppress(OSError):  # a file system that knows no locks
            fcntl.flock(handle, fcntl.LOCK_EX)  # other cameras' frames lie here too
        yield
    finally:
        os.close(handle)


def write_coco(folder: Path, classes: Classes, *, without: Collection[str] = ()) -> None:
    """Writes the file anew, for all images that have a mask. Call it under `locked`.

    Args:
        folder: with images/ and masks/ of the same names.
        classes: of the masks.
        without: names, without extension, that are about to go.

    Raises:
        OutputError: it cannot be written, or a file that somebody else wrote has its name.
    """
    path = folder / NAME
    try:
        document = _document(folder, classes, _known(path), set(without))
        with new_file(path) as temporary:
            temporary.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}; check its folder's permissions")


def run_lengths(inside: NDArray[np.bool_]) -> str:
    """COCO's letters for the run lengths of a mask, bool (H, W).

    From the third on, each length is written as its difference from the one before the last, in groups of five bits,
    the lowest first, each with a sixth bit that says whether another follows, from the letter "0" on; the last group's
    highest bit is the sign.
    """
    pixels = np.concatenate([[False], inside.ravel(order="F")])
    edges = np.concatenate([[0], np.flatnonzero(pixels[1:] != pixels[:-1]), [pixels.size - 1]])
    lengths = np.diff(edges)
    lengths[3:] -= np.diff(edges)[1:-2]
    letters = bytearray()
    for number in lengths.tolist():
        more = True
        while more:
            group, number = number & 31, number >> 5
            more = number != (-1 if group & 16 else 0)
            letters.append(48 + group + 32 * more)
    return letters.decode("ascii")


def _document(folder: Path, classes: Classes, known: Known, without: set[str]) -> Record:
    images: list[Record] = []
    annotations: list[Record] = []
    for path in sorted((folder / "images").iterdir()):
        mask = folder / "masks" / f"{path.stem}.png"
        if path.stem in without or path.name.startswith(".") or not mask.exists():
            continue
        changed = mask.stat().st_mtime_ns
        image, objects = known.get(path.name, ({}, []))
        if image.get("mask_changed") != changed:
            content = np.fromfile(mask, np.uint8)  # OpenCV itself does not survive a name that is not UTF-8
            ids = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
            if ids is None:
                continue
            image = {"file_name": path.name, "height": ids.shape[0], "width": ids.shape[1], "mask_changed": changed}
            objects = _objects(ids.astype(np.uint8, copy=False), len(classes.names))
        images.append({**image, "id": len(images) + 1})
        annotations += [
            {**each, "id": len(annotations) + number, "image_id": len(images)} for number, each in enumerate(objects, 1)
        ]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes.names, 1)]
    return {"info": {"contributor": AUTHOR}, "categories": categories, "images": images, "annotations": annotations}


def _objects(mask: Mask, classes: int) -> list[Record]:
    """One annotation for each class that the mask has."""
    objects = []
    for class_id in np.unique(mask).tolist():
        if class_id >= classes:  # to be ignored
            continue
        inside = mask == class_id
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        objects.append(
            {
                "category_id": class_id + 1,
                "segmentation": {"size": list(mask.shape), "counts": run_lengths(inside)},
                "area": int(np.count_nonzero(inside)),
                "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
                "iscrowd": 0,
            }
        )
    return objects


def _known(path: Path) -> Known:
    """By image, what the file that is there says of it and of its objects."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError
        document = json.loads(path.read_bytes())
        if document["info"]["contributor"] != AUTHOR:
            raise ValueError
        objects: dict[int, list[Record]] = {}
        for each in document["annotations"]:
            objects.setdefault(each["image_id"], []).append(each)
        return {image["file_name"]: (image, objects.get(image["id"], [])) for image in document["images"]}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{path} was not written by edgeseg serve, and is left as it is; move it elsewhere to have a new one"
        ) from error
