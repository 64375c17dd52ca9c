"""Any data set that can be read, written in the plain layout."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2

from edgeseg.accuracy.dataset import Dataset, warn_of_unused
from edgeseg.accuracy.layouts import known_layout
from edgeseg.accuracy.survey import Survey
from edgeseg.accuracy.unions import without_unions
from edgeseg.atomic import atomic_folder
from edgeseg.errors import EdgeSegWarning, OutputError
from edgeseg.terminal import shown_name


def convert(folder: Path, out: Path, *, progress: Callable[[int, int], None] = lambda _done, _of: None) -> int:
    """Writes images/, masks/ with class ids, and classes.json; the pictures' files are copied as they are.

    A list that is made up of others, as VOC's trainval of train and val, is left out: it would be those once more.

    Returns:
        How many pairs were written.

    Raises:
        DataError: the folder is no data set, or a file of it cannot be read.
        OutputError: `out` is there and not empty, or cannot be written; nothing is left of it.

    Warns:
        EdgeSegWarning: pictures lie there that no split reads, and are not in `out` either; or the foreground of a
            split seems to be ignored.
    """
    layout = known_layout(folder)
    warn_of_unused(layout)
    datasets = without_unions([Dataset.of(layout, folder, split) for split in layout.splits])
    total, done = sum(map(len, datasets)), 0
    with atomic_folder(out.absolute()) as temporary:
        if out.exists() and any(out.iterdir()):
            raise OutputError(f"{out} exists and is not empty; give a new folder")
        for dataset in datasets:
            names, survey = _names(dataset), Survey(dataset.classes)
            for index, pair in enumerate(dataset.pairs):
                _, label = dataset.load(index)
                survey.add(label)
                place = Path(dataset.split or "", names[index])
                _copy(pair.image, temporary / "images" / place.with_name(place.name + pair.image.suffix.lower()))
                mask = temporary / "masks" / place.with_name(f"{place.name}.png")
                mask.parent.mkdir(parents=True, exist_ok=True)
                mask.write_bytes(cv2.imencode(".png", label)[1].tobytes())
                done += 1
                progress(done, total)
            if survey.doubt is not None:
                warnings.warn(f"{dataset.split or shown_name(folder)}: {survey.doubt}", EdgeSegWarning, stacklevel=2)
        text = json.dumps(layout.classes().to_json(), indent=1) + "\n"
        (temporary / "classes.json").write_text(text, encoding="utf-8")
        if out.exists():
            out.rmdir()  # fails where something has come meanwhile, which would be lost
    return done


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _names(dataset: Dataset) -> list[str]:
    """A name for each pair: the image's own, or with its folder's where two share it."""
    stems = [pair.image.stem for pair in dataset.pairs]
    uses = Counter(stems)
    names = [
        stem if uses[stem] == 1 else f"{pair.image.parent.name}_{stem}"
        for stem, pair in zip(stems, dataset.pairs, strict=True)
    ]
    return names if len(set(names)) == len(names) else [f"{index:06d}_{stem}" for index, stem in enumerate(stems)]
