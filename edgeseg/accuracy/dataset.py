"""Labelled images on disk, for training and for evaluation; layouts/ finds out how they lie there."""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import VOID, Classes, Reading
from edgeseg.accuracy.drawn_over import OVER_STORED, all_over_stored, drawn_over
from edgeseg.accuracy.label_file import LabelImage
from edgeseg.accuracy.layouts import find_layout, known_layout
from edgeseg.accuracy.layouts.layout import Layout, Pair, divided
from edgeseg.accuracy.layouts.split_folders import usual
from edgeseg.errors import DataError, EdgeSegWarning, UsageError
from edgeseg.orientation import SIDEWAYS, orientation, turned
from edgeseg.picture import decode_picture, read_content, series_depth

LOOKED_AT = 24
"""Masks of a split that say whether they hold ids or colours."""

OTHER_PALETTE = (
    "the palette of masks shows ids in other classes' colours, as programs number them that save few colours as a "
    'palette; the ids count; write "masks": "colours" or "ids" in classes.json'
)
"""What is said unless classes.json says which of the two is meant."""

HALVES = ("train", "val")
"""Splits that a data set without any is divided into when it is asked for one: four fifths, and one."""


@dataclass(frozen=True)
class Dataset:
    """One split of a data set: its files are paired when it is opened, and read one by one.

    Attributes:
        folder: of the data set.
        split: its name, None for the whole of a data set without splits.
        classes: names, palette, ignore id.
        pairs: the files, sorted by name.
        reading: how its label images are read, None to decide for each.
    """

    folder: Path
    split: str | None
    classes: Classes
    pairs: tuple[Pair, ...]
    reading: Reading | None = None

    @classmethod
    def open(cls, folder: Path, split: str | None = None) -> Dataset:
        """Finds the layout and pairs the files of a split.

        Raises:
            DataError: the folder or split is not there, is empty, or an image or mask lacks its partner.

        Warns:
            EdgeSegWarning: pictures lie there that no split reads, or a palette shows ids in other classes' colours.
        """
        layout = known_layout(folder)
        warn_of_unused(layout)
        return cls.of(layout, folder, split)

    @classmethod
    def of(cls, layout: Layout, folder: Path, split: str | None, *, refuse: bool = True) -> Dataset:
        """Pairs the files of a split in a folder of that layout.

        Args:
            layout: of the folder.
            folder: of the data set.
            split: its name, None for the whole.
            refuse: a label image that cannot be read, among those that say how all are, and warn of their palettes;
                else `load` refuses it.

        Raises:
            DataError: as `open`.

        Warns:
            EdgeSegWarning: a palette shows ids in other classes' colours.
        """
        pairs = _listed(layout, folder, split)
        classes = layout.classes()
        images = [] if classes.reading is not None else list(_looked_at(pairs, classes, refuse))
        reading = classes.reading_of(images)
        if refuse and reading == "ids" and any(classes.shown_as_others(each) for each in images if not each.black):
            warnings.warn(f"{folder}: {OTHER_PALETTE}", EdgeSegWarning, stacklevel=2)
        return cls(folder, split, classes, pairs, reading)

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return (self.load(index) for index in range(len(self)))

    def load(self, index: int, image: LabelImage | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One picture and its label: uint8 (H, W, 3) in BGR, and uint8 (H, W) with class ids or the ignore id.

        Args:
            index: of the pair.
            image: its label image, where the caller has decoded it already.

        Raises:
            DataError: a file cannot be decoded, the sizes differ, or the mask holds an id or colour that is no class.
        """
        return self._beside_frame(index, self.label(index, image))

    def load_masks(self, index: int, labels: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One image and a mask for each label, which may overlap.

        Args:
            index: of the image.
            labels: names of classes of this data set.

        Returns:
            uint8 (H, W, 3) in BGR, and uint8 (L, H, W): 1 where the label holds, VOID where it does not count, else 0.

        Raises:
            DataError: as `load`.
        """
        masks = self.pairs[index].masks(labels)
        if masks is None:
            ids = self.label(index)
            masks = np.stack([ids == self.classes.names.index(label) for label in labels], axis=-1).astype(np.uint8)
            if self.classes.ignore is not None:
                masks[ids == self.classes.ignore] = VOID
        frame, masks = self._beside_frame(index, masks)
        return frame, np.ascontiguousarray(masks.transpose(2, 0, 1))

    def frame(self, index: int) -> NDArray[np.uint8]:
        """The image alone, uint8 (H, W, 3) in BGR.

        Raises:
            DataError: it cannot be decoded.
        """
        return self._picture(index, read_content(self.pairs[index].image))

    @functools.cached_property
    def depth(self) -> int:
        """Bits that pictures of 16 bits use at least."""
        return series_depth([pair.image for pair in self.pairs])

    @functools.cached_property
    def over_stored(self) -> bool:
        """Whether label images were drawn over pictures as they are stored, where their own size does not tell."""
        over_stored = all_over_stored(self.pairs)
        if over_stored:
            warnings.warn(f"{self.folder}: {OVER_STORED}", EdgeSegWarning, stacklevel=5)
        return over_stored

    def _picture(self, index: int, content: bytes) -> NDArray[np.uint8]:
        image = self.pairs[index].image
        picture = decode_picture(content, image, least=self.depth)
        if (note := picture.note(image.parent)) is not None:
            warnings.warn(note, EdgeSegWarning, stacklevel=4)
        return picture.image

    def _beside_frame(self, index: int, label: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The image, and its label (H, W) or (H, W, L) turned as the image is."""
        pair = self.pairs[index]
        content = read_content(pair.image)
        frame = self._picture(index, content)
        over, by = drawn_over(pair, content), orientation(content)
        if over == "stored" or (over == "either" and self.over_stored):
            label = turned(label, by)
        if frame.shape[:2] != label.shape[:2]:
            shown = ", as EXIF turns it," if by >= SIDEWAYS else ""
            own = ", as its own EXIF turns it," if pair.drawn_size() is None else ""
            raise DataError(
                f"{pair.image} is{shown} {frame.shape[1]}x{frame.shape[0]}, its mask {pair.mask}{own} "
                f"{label.shape[1]}x{label.shape[0]}; they must have one size"
            )
        return frame, label

    def label(self, index: int, image: LabelImage | None = None) -> NDArray[np.uint8]:
        """The label alone, uint8 (H, W), as it is stored; `image` as for `load`.

        Raises:
            DataError: the file cannot be decoded, or holds an id or colour that is no class.
        """
        pair = self.pairs[index]
        return self.classes.label(pair.label() if image is None else image, pair.mask, self.reading)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over the content of all files of the split, images and masks in order; names do not matter.

        Where masks hold colours, or ids that are not the classes' places, over what these mean too.
        """
        whole = hashlib.sha256(self.classes.meaning(self.reading))
        for pair in self.pairs:
            for content in (read_content(pair.image), pair.label_content()):
                whole.update(hashlib.sha256(content).digest())
        return whole.hexdigest()


def splits(folder: Path) -> list[str]:
    """Names of a data set's splits, or of the folders in one that is not divided; none where it is no data set.

    Raises:
        DataError: the folder is not there.
    """
    layout = find_layout(folder)
    return [] if layout is None else _names(layout)


def is_data_set(path: Path) -> bool:
    """Whether a path is a data set, complete or not, rather than a video or a folder of pictures.

    Raises:
        DataError: the folder cannot be read, or its classes cannot.
    """
    return path.is_dir() and ((path / "images").is_dir() or find_layout(path) is not None)


def check_split(split: str | None, data: Path | None, *, option: str = "--split") -> None:
    """Refuses the name of a split where nothing is divided: it would be passed over.

    Raises:
        UsageError: one is named, and `data` is none, or no data set.
        DataError: as `is_data_set`.
    """
    if split is not None and (data is None or (data.exists() and not is_data_set(data))):
        what = "no data set is given" if data is None else f"{data} is no data set"
        raise UsageError(f"{option} {split} is a split's name, and {what}; leave {option} out")


def has_split(folder: Path, split: str) -> bool:
    """Whether `Dataset.open` would give that split: a data set that is not divided has those of HALVES that get images.

    Raises:
        DataError: the folder is not there, or the files of one that is not divided cannot be paired.
    """
    layout = find_layout(folder)
    if layout is None or {split, usual(split)} & {*_names(layout)}:
        return layout is not None
    return layout.splits.keys() == {None} and split in HALVES and bool(divided(folder, layout.splits[None](), split))


def warn_of_unused(layout: Layout) -> None:
    """Warns of pictures that no split reads; from this place, so that who opens two splits hears it once."""
    for sentence in layout.unused:
        warnings.warn(sentence, EdgeSegWarning, stacklevel=1)


def _names(layout: Layout) -> list[str]:
    return [name for name in (*layout.splits, *layout.parts) if name is not None]


def _listed(layout: Layout, folder: Path, split: str | None) -> tuple[Pair, ...]:
    lists = layout.parts | layout.splits
    for name in (split, None if split is None else usual(split)):
        if name in lists:
            return lists[name]()
    if layout.splits.keys() == {None} and split in HALVES:
        half = divided(folder, layout.splits[None](), split)
        if not half:
            raise DataError(f"{folder} has too few images to be divided into train and val; add some, or divide it")
        return half
    names = ", ".join(_names(layout))
    if names and split is None:
        raise DataError(f"no split was named; {folder} has {names}: choose one of these")
    raise DataError(
        f"{folder} has no split {split!r}, it has {names}: choose one of these, or rename the one that is meant"
        if names
        else f"{folder} has no split {split!r}; it is not divided, and only its halves train and val can be asked for"
    )


def _looked_at(pairs: Sequence[Pair], classes: Classes, refuse: bool) -> Iterator[LabelImage]:
    """Label images spread over a split, and one more that is not black, if white might be taken for ignored there."""
    spread = pairs[:: max(1, len(pairs) // LOOKED_AT)][:LOOKED_AT]
    images = list(_labels(spread, refuse))
    yield from images
    if classes.white_fits_ignored and all(image.black for image in images):
        others = _labels((pair for pair in pairs if pair not in spread), refuse)
        yield from islice((image for image in others if not image.black), 1)


def _labels(pairs: Iterable[Pair], refuse: bool) -> Iterator[LabelImage]:
    for pair in pairs:
        with nullcontext() if refuse else suppress(DataError):
            yield pair.label()
