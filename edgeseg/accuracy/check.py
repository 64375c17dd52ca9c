"""What is wrong with a data set, before hours are spent on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.layouts import known_layout
from edgeseg.accuracy.layouts.label_folders import LabelPair
from edgeseg.accuracy.layouts.split_folders import LABELLED
from edgeseg.accuracy.survey import Survey
from edgeseg.accuracy.unions import without_unions
from edgeseg.counted import counted, first_of
from edgeseg.errors import DataError
from edgeseg.orientation import UPRIGHT, orientation
from edgeseg.picture import read_content

NAMED = 3
"""Files that a finding names."""

SHOWN = 6
"""Labelled images of a split that a report shows."""


@dataclass(frozen=True)
class Finding:
    """One problem of the data: a fault makes figures wrong or training senseless."""

    weight: Literal["fault", "warning"]
    sentence: str


@dataclass
class SplitReport:
    """What was seen in a split.

    Attributes:
        name: of the split, None for the whole.
        survey: of its labels.
        pictures: frames, uint8 (H, W, 3) in BGR, and labels, uint8 (H, W), spread over the split; of labels that may
            overlap, masks (L, H, W).
        turned: pictures that EXIF turns.
        unreadable: a sentence for each pair that cannot be read.
        other_palette: label images whose palette shows ids in the colours of other classes, where classes.json does not
            say which of the two is meant.
    """

    name: str | None
    survey: Survey
    pictures: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = field(default_factory=list)
    turned: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    other_palette: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class DataReport:
    """What was seen in a data set."""

    folder: Path
    layout: str
    classes: Classes
    splits: tuple[SplitReport, ...]
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> list[str]:
        """The sentences of all faults."""
        return [each.sentence for each in self.findings if each.weight == "fault"]


def check(folder: Path, *, progress: Callable[[int, int], None] = lambda _done, _of: None) -> DataReport:
    """Reads every picture and label of every split; a list that is made up of others, as VOC's trainval, is left out.

    Raises:
        DataError: the folder is no data set, or its classes cannot be read.
    """
    layout = known_layout(folder)
    findings: list[Finding] = []
    datasets = []
    for split in layout.splits:
        try:
            datasets.append(Dataset.of(layout, folder, split, refuse=False))
        except DataError as error:
            findings.append(Finding("fault", str(error)))
    datasets = without_unions(datasets)
    findings += [Finding("fault", sentence) for sentence in layout.unused]
    total, done = sum(map(len, datasets)), 0
    splits: list[SplitReport] = []
    owners: dict[bytes, str | None] = {}
    for dataset in datasets:
        report = SplitReport(dataset.split, Survey(dataset.classes))
        duplicates = []
        for index in range(len(dataset)):
            frame = _look_at(dataset, index, report)
            if frame is not None:
                owner = owners.setdefault(hashlib.sha256(frame.tobytes()).digest(), dataset.split)
                if owner != dataset.split:
                    duplicates.append((dataset.pairs[index].image, owner))
            done += 1
            progress(done, total)
        splits.append(report)
        findings += _of_split(report)
        if duplicates:
            path, owner = duplicates[0]
            shared = f"{_said(dataset.split)} shares {counted(len(duplicates), 'picture')} with {_said(owner)}"
            findings.append(Finding("fault", f"{shared}, such as {path}"))
    return DataReport(folder, layout.name, layout.classes(), tuple(splits), tuple(findings))


def _look_at(dataset: Dataset, index: int, report: SplitReport) -> NDArray[np.uint8] | None:
    """Reads one pair into the report; its frame, if it can be read."""
    pair = dataset.pairs[index]
    overlapping = isinstance(pair, LabelPair)
    try:
        if overlapping:
            other_palette = False
            frame, label = dataset.load_masks(index, dataset.classes.names)
        else:
            image = pair.label()
            undecided = dataset.classes.reading is None and dataset.reading != "colours"
            other_palette = undecided and dataset.classes.shown_as_others(image)
            frame, label = dataset.load(index, image)
    except DataError as error:
        report.unreadable.append(str(error))
        return None
    (report.survey.add_masks if overlapping else report.survey.add)(label)
    if orientation(read_content(pair.image)) != UPRIGHT:
        report.turned.append(pair.image)
    if other_palette:
        report.other_palette.append(pair.mask)
    if index % max(1, len(dataset) // SHOWN) == 0 and len(report.pictures) < SHOWN:
        report.pictures.append((frame, label))
    return frame


def _of_split(report: SplitReport) -> list[Finding]:
    where = "" if report.name is None else f"{report.name}: "
    findings = [Finding("fault", f"{where}{sentence}") for sentence in report.unreadable[:NAMED]]
    if len(report.unreadable) > NAMED:
        more = counted(len(report.unreadable) - NAMED, "more pair")
        findings.append(Finding("fault", f"{where}{more} cannot be read"))
    no_figure = report.name in LABELLED and report.survey.ignored == 1
    weight: Literal["fault", "warning"] = "fault" if report.name in (None, "train") or no_figure else "warning"
    if report.survey.images:  # else nothing is known of the labels
        findings += [Finding(weight, f"{where}{sentence}") for sentence in report.survey.faults()]
    if report.turned:
        turned = f"EXIF turns {counted(len(report.turned), 'picture')}"
        sentence = f"{turned}; masks count as drawn over what is shown, unless sizes tell otherwise: look at "
        findings.append(Finding("warning", f"{where}{sentence}{first_of(report.turned)}"))
    if report.other_palette:
        sentence = (
            f"the palette of {counted(len(report.other_palette), 'mask')} shows ids in other classes' colours; the ids "
            'count; write "masks": "colours" or "ids" in classes.json: '
        )
        findings.append(Finding("warning", f"{where}{sentence}{first_of(report.other_palette)}"))
    return findings


def _said(split: str | None) -> str:
    return split or "the whole data set"
