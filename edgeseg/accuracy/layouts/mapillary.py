"""Mapillary Vistas as it unpacks: its masks number the classes in the order of its configuration.

    training/images/  training/v2.0/labels/  config_v2.0.json    validation/ likewise; testing/ has no labels
    training/images/  training/v1.2/labels/  config_v1.2.json    read where there is no v2.0
    training/images/  training/labels/       config.json         as it was published at first
    classes.json                                                 only for other classes than the configuration's
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.layouts.class_lists import known_classes
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.numbered import numbered
from edgeseg.accuracy.layouts.pairing import pairs_by_name
from edgeseg.accuracy.layouts.split_folders import SPLITS, by_split, folders_in, usual
from edgeseg.errors import DataError
from edgeseg.json_fields import of_kind, read_json

NAME = "Mapillary Vistas"
NEEDS = ("training/images", "training/v2.0/labels", "config_v2.0.json")

_VERSIONS = {"v2.0/labels": "config_v2.0.json", "v1.2/labels": "config_v1.2.json", "labels": "config.json"}
"""Where masks lie in a split's folder, and what names their classes; the first that is there counts."""


def find(folder: Path) -> Layout | None:
    """A configuration, and folders of splits with images and its masks."""
    for place, name in _VERSIONS.items():
        if not (folder / name).is_file():
            continue
        labelled = [each for each in folders_in(folder) if (each / "images").is_dir() and (each / place).is_dir()]
        named = by_split((each.name, each) for each in labelled if usual(each.name) in SPLITS)
        splits: Splits = {
            split: partial(pairs_by_name, each / "images", each / place) for split, each in named.items()
        }
        if splits:
            return Layout(NAME, splits, partial(_classes, folder / name))
    return None


def _classes(path: Path) -> Classes:
    """The configuration's, by what a reader sees of them; those that it does not evaluate are ignored."""
    if (known := known_classes(path.parent)) is not None:
        return known
    data = read_json(path, error=DataError, unreadable="check its permissions", damaged="unpack it again")
    labels = of_kind(data, dict, where=str(path), error=DataError).get("labels")
    entries = of_kind(labels, list, where=f'"labels" of {path}', error=DataError)
    names: dict[int, str] = {}
    for number, entry in enumerate(entries):
        fields = entry if isinstance(entry, dict) else {}
        name, counts = fields.get("readable"), fields.get("evaluate")
        if type(name) is not str or type(counts) is not bool:
            raise DataError(
                f'label {number} of {path} is {entry!r:.80}, expected "readable", a name, and "evaluate", true or '
                "false; unpack it again, or write a classes.json"
            )
        names[number] = name if counts else "void"
    return numbered(names)
