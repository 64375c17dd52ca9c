"""COCO's JSON (cocodataset.org, "Data format"), as COCO, Roboflow, CVAT and Label Studio export it.

    annotations/instances_train2017.json  train2017/     COCO; CVAT: instances_default.json, images/ or images/default/
    train/_annotations.coco.json          train/         Roboflow, images beside the file; valid/ and test/ likewise
    result.json                           images/        Label Studio; also annotations.json

Polygons and run lengths are drawn by pycocotools, larger objects first, so that small ones stay visible. What no
object covers is the class "background", unless a category has that name; crowds are ignored. Of labels that may overlap
each has a mask of its own, in which nothing hides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import VOID, Classes
from edgeseg.accuracy.label_file import LabelImage
from edgeseg.accuracy.layouts.coco_outline import drawn, extent
from edgeseg.accuracy.layouts.coco_places import annotation_files, image_folders
from edgeseg.accuracy.layouts.layout import Layout, Pair, is_file
from edgeseg.accuracy.layouts.numbered import palette
from edgeseg.accuracy.layouts.pairing import spellings
from edgeseg.accuracy.layouts.split_folders import by_split
from edgeseg.errors import DataError
from edgeseg.json_fields import list_of, read_json, required
from edgeseg.picture import max_pixels

NAME = "COCO"
NEEDS = ("annotations/instances_*.json",)

_BACKGROUND = "background"

LARGEST = 2**30
"""Bytes of a JSON file; COCO's own instances_train2017.json has 448 MB."""


@dataclass(frozen=True)
class CocoPair(Pair):
    """An image and the objects in it; `mask` is the JSON file.

    Attributes:
        size: height and width in pixels.
        objects: class id and COCO annotation, in the order in which they are drawn.
        background: class id of what no object covers.
        categories: names by COCO's id.
    """

    size: tuple[int, int]
    objects: tuple[tuple[int, dict[str, Any]], ...]
    background: int
    categories: Mapping[int, str]

    def label(self) -> LabelImage:
        """Draws the objects."""
        ids = np.full(self.size, self.background, np.uint8)
        for class_id, annotation in self.objects:
            ids[drawn(annotation, self.size, self.mask)] = class_id
        return LabelImage(ids, None, True)

    def masks(self, labels: Sequence[str]) -> NDArray[np.uint8]:
        """Draws the objects of each label over each other; crowds count nowhere, where no object lies on them."""
        masks = np.zeros((*self.size, len(labels)), np.uint8)
        for class_id, annotation in sorted(self.objects, key=lambda item: item[0] != VOID):
            name = self.categories[annotation["category_id"]]
            if name in labels:
                masks[drawn(annotation, self.size, self.mask), labels.index(name)] = VOID if class_id == VOID else 1
        return masks

    def drawn_size(self) -> tuple[int, int]:
        """As the JSON file says."""
        return self.size

    def label_content(self) -> bytes:
        """The objects as text."""
        return repr((self.size, self.objects, self.background)).encode()


class CocoFile:
    """One JSON file of annotations, read when it is first asked for."""

    def __init__(self, path: Path, images: tuple[Path, ...]) -> None:
        """`images` are the folders in which its images may lie."""
        self._path, self._folders = path, images

    @cached_property
    def _data(self) -> Any:
        return read_json(
            self._path,
            error=DataError,
            unreadable="check its permissions",
            damaged="export it again",
            limit=LARGEST,
        )

    def _list(self, key: str) -> list[Any]:
        return list_of(self._data, key, dict, where=str(self._path), error=DataError)

    @cached_property
    def categories(self) -> dict[int, str]:
        """Names by id; without the parent of all others, which Roboflow adds and never uses."""
        where = f"{self._path}: category"
        listed = {self._number(each, "id", where): each for each in self._list("categories")}
        names = {key: str(each.get("name", "")) for key, each in sorted(listed.items())}
        used = {self._number(each, "category_id", where) for each in self._list("annotations")}

        def is_root(key: int) -> bool:
            below = {other for other, each in listed.items() if each.get("supercategory") == names[key]}
            return bool(below) and below == listed.keys() - {key}

        return {key: name for key, name in names.items() if key in used or not is_root(key)}

    def classes(self) -> Classes:
        """The categories by id, after "background"."""
        names = list(self.categories.values())
        if _BACKGROUND not in names:
            names.insert(0, _BACKGROUND)
        return Classes(tuple(names), palette(len(names)), VOID, None, reading="ids")

    def pairs(self) -> tuple[Pair, ...]:
        """Every image of the file with its objects.

        Raises:
            DataError: a field is missing, an image is missing or there twice, or an object's category is not listed.
        """
        names = self.classes().names
        of_image: dict[int, list[tuple[int, dict[str, Any]]]] = {}
        for each in self._list("annotations"):
            where = f"{self._path}: annotation {each.get('id')}"
            category = self._number(each, "category_id", where)
            if category not in self.categories:
                raise DataError(f"{where} has the category {category}, which is not listed; export it again")
            class_id = VOID if each.get("iscrowd") else names.index(self.categories[category])
            of_image.setdefault(self._number(each, "image_id", where), []).append((class_id, each))
        pairs: dict[Path, Pair] = {}
        entries, limit = set(), max_pixels()
        for each in self._list("images"):
            where = f"{self._path}: image {each.get('id')}"
            size = self._number(each, "height", where), self._number(each, "width", where)
            if min(size) < 1 or size[0] * size[1] > limit:
                raise DataError(f"{where} is {size[1]}x{size[0]}, expected 1 to {limit} pixels")
            image = self._find(required(each, "file_name", str, where=where, error=DataError))
            number = self._number(each, "id", where)
            if image in pairs or number in entries:
                raise DataError(f"{where} is there twice, by its id or its file {image}; export it again")
            entries.add(number)
            objects = sorted(of_image.get(number, []), key=lambda item: -extent(item[1]))
            pairs[image] = CocoPair(image, self._path, size, tuple(objects), names.index(_BACKGROUND), self.categories)
        if not pairs:
            raise DataError(f"{self._path} lists no images; export the data set with them")
        return tuple(sorted(pairs.values(), key=lambda pair: str(pair.image)))

    def _number(self, data: Any, key: str, where: str) -> int:
        return required(data, key, int, where=where, error=DataError)

    def _find(self, file_name: str) -> Path:
        """The image of that name, which may be a path of the machine that exported it."""
        path = PurePosixPath(file_name.replace("\\", "/"))
        safe = [] if path.is_absolute() or ".." in path.parts else [str(path)]
        names = [each for name in (*safe, path.name) for each in spellings(name)]
        for place in (folder / name for folder in self._folders for name in names):
            if is_file(place):
                return place
        places = " or ".join(map(str, self._folders))
        raise DataError(f"{self._path} names the image {file_name:.120}, which is not in {places}; add it")


def find(folder: Path) -> Layout | None:
    """JSON files in the places where the exporters put them."""
    found = by_split(annotation_files(folder))
    if not found:
        return None
    files = {split: CocoFile(path, image_folders(path, folder)) for split, path in found.items()}
    first = next(iter(files.values()))
    return Layout(NAME, {split: partial(_pairs, each, first) for split, each in files.items()}, first.classes)


def _pairs(file: CocoFile, first: CocoFile) -> tuple[Pair, ...]:
    if file.classes().names != first.classes().names:
        raise DataError(
            f"two splits have different categories: {', '.join(first.classes().names)}, and "
            f"{', '.join(file.classes().names)}; export them together"
        )
    return file.pairs()
