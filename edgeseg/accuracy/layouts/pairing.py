"""Which picture and which label image go together: those of one place and name below their two folders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Set
from pathlib import Path

from edgeseg.accuracy.layouts.layout import Pair
from edgeseg.counted import counted
from edgeseg.errors import DataError
from edgeseg.files import walk

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""What counts as an image; other files in the folders are not read, nor hidden ones, as macOS adds them to archives."""


PICTURES = SUFFIXES | {
    *(".gif", ".jfif", ".jpe", ".dib", ".ppm", ".pgm", ".pbm", ".tga", ".npy"),
    *(".json", ".txt", ".xml"),  # outlines
    *(".jp2", ".j2k", ".jxl", ".exr", ".hdr", ".heic", ".heif", ".avif", ".psd"),
}
"""What somebody may expect to be read as a picture or a mask."""

_NUMBERED = re.compile(r"(.*\D|)(\d+)", re.ASCII | re.DOTALL)
"""What ends in a number."""

_BEFORE_END = "_-. "
"""What an ending of all masks' names begins with."""


def is_image(path: Path, suffixes: Set[str] = SUFFIXES) -> bool:
    """Whether a file of that name is read."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def composed(name: str) -> str:
    """A name in Unicode's composed form; macOS may have written its letters and their accents apart."""
    return unicodedata.normalize("NFC", name)


def spellings(name: str) -> tuple[str, ...]:
    """A name as it is given, composed, and decomposed, each once."""
    return tuple(dict.fromkeys((name, composed(name), unicodedata.normalize("NFD", name))))


def check_link(path: Path) -> None:
    """Refuses a link to a picture or folder that is not there, as on a disk that is gone: it would be left out unsaid.

    Raises:
        DataError: the path is such a link, by its name.
    """
    named = is_image(path) or not (path.suffix or path.name.startswith("."))
    if named and path.is_symlink() and not path.exists():
        raise DataError(f"{path} is a link to {path.readlink()}, which is not there; bring it back, or remove the link")


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and all folders below it, sorted, as `walk` finds them.

    Raises:
        DataError: a folder cannot be looked into, or an image or folder is a link that leads nowhere.
    """

    def refuse(error: OSError) -> None:
        reason = f"cannot look into {error.filename}: {error.strerror}"
        raise DataError(f"{reason}; check the path and its permissions") from error

    found = [here / name for here, _, names in walk(folder, refuse) for name in names]
    for path in found:
        check_link(path)
    return sorted(path for path in found if is_image(path) and path.is_file())


def pairs_by_name(images: Path, masks: Path, *, ends: tuple[str, str] = ("", "")) -> tuple[Pair, ...]:
    """Pairs files that have one place and name below their two folders, suffixes aside.

    Where no mask is called as an image, what all masks' names have behind those of images, as "_L" or "_mask", is left
    out, or else what all of each have before their numbers, as in image_1.png and mask_1.png.

    Args:
        images: folder of the images.
        masks: folder of the label images.
        ends: what the names of images and of label images end in; names that end otherwise are left out.

    Raises:
        DataError: a folder is missing or empty, or a file has no partner or two.
    """
    if not masks.is_dir():
        raise DataError(f"{images} has no masks: expected the folder {masks}")
    of_images, of_masks = (files_by_name(folder, end) for folder, end in zip((images, masks), ends, strict=True))
    of_masks, end = called_alike(of_images, of_masks)
    return partners(of_images, of_masks, (images, masks), (ends[0], end + ends[1]))


def called_alike(of_images: Collection[str], of_masks: Mapping[str, Path]) -> tuple[dict[str, Path], str]:
    """Label images by the names of their pictures, as far as `pairs_by_name` says, and the end that was left out."""
    end = _end_of_masks(of_images, of_masks)
    if not end and {*of_masks}.isdisjoint(of_images):
        images, masks = (_by_number(names) for names in (of_images, of_masks))
        if images and images.keys() == masks.keys():
            return {images[number]: of_masks[name] for number, name in masks.items()}, ""
    return {name.removesuffix(end): path for name, path in of_masks.items()}, end


def partners(
    of_images: Mapping[str, Path], of_masks: Mapping[str, Path], places: tuple[Path, Path], ends: tuple[str, str]
) -> tuple[Pair, ...]:
    """Pairs files of one name; `places` and `ends` of their names as for `pairs_by_name`, for messages.

    Raises:
        DataError: there is none, or a file has no partner.
    """
    images, masks = places
    for files, others, place, end in ((of_images, of_masks, masks, ends[1]), (of_masks, of_images, images, ends[0])):
        singles = sorted(files.keys() - others.keys())
        if singles:
            hint = unread(place, singles[0] + end) or ("" if others else unread(place))
            hint = hint or "add it, or list the pairs in train.txt, with a classes.json"
            raise DataError(
                f"{files[singles[0]]} has no partner of that name in {place} ({counted(len(singles), 'file')} without "
                f"one); {hint}"
            )
    if not of_images:
        raise DataError(f"{images} is empty, expected images ({', '.join(sorted(SUFFIXES))})")
    return tuple(Pair(of_images[name], of_masks[name]) for name in sorted(of_images))


def _end_of_masks(images: Collection[str], masks: Collection[str]) -> str:
    """What all masks' names have after those of images; "" where some have nothing, or other than that."""
    if not masks or not {*masks}.isdisjoint(images):
        return ""
    first = min(masks)
    found = (first.removeprefix(name) for name in images if first.startswith(name))
    return next((end for end in found if end[0] in _BEFORE_END and all(name.endswith(end) for name in masks)), "")


def _by_number(names: Collection[str]) -> dict[str, str]:
    """Names by the number that each ends in; none if they do not all begin with the same."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    if None in found or len({each and each[1] for each in found}) != 1:
        return {}
    return {each[2]: each[0] for each in found if each}


def files_by_name(
    folder: Path, end: str = "", suffixes: Set[str] = SUFFIXES, twice: dict[str, str] | None = None
) -> dict[str, Path]:
    """The images below a folder by place and name, without suffix and `end`, which all names that count end in.

    Args:
        folder: of images.
        end: of the names.
        suffixes: of the names.
        twice: gets a sentence for each name that several files have; None: that is an error.

    Raises:
        DataError: two differ in their suffixes alone.
    """
    files: dict[str, Path] = {}
    for path in images_in(folder):
        if not (path.suffix.lower() in suffixes and path.stem.endswith(end)):
            continue
        name = composed(str(path.relative_to(folder).with_suffix("")).removesuffix(end))
        if name in files:
            sentence = f"{files[name]} and {path} share a name, by which partners are found; rename one"
            if twice is None:
                raise DataError(sentence)
            twice[name] = sentence
        files[name] = path
    return files


def unread(folder: Path, name: str | None = None, suffixes: Set[str] = SUFFIXES) -> str:
    """A clause on the file that has the place and name, or any there, but a suffix that is not read; "" if none has."""
    place = folder if name is None else (folder / name).parent
    if not place.is_dir():
        return ""
    called = None if name is None else Path(name).name
    files = sorted(path for path in place.iterdir() if called in (None, composed(path.stem)) and path.is_file())
    other = next((path for path in files if is_image(path, PICTURES - suffixes)), None)
    return "" if other is None else f"{other} is not read, expected {', '.join(sorted(suffixes))}: save it as PNG"
