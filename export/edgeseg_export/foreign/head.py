"""What the channels of somebody else's network mean: stated in its spec, or seen from frames; never guessed from names.

A channel is cut at its threshold by subtracting it in the graph, so that the kernels cut everything at 0: a bilinear
resize and a subtraction commute.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeseg.counted import counted
from edgeseg.errors import SpecError
from edgeseg.spec import Head, HeadKind, Values
from edgeseg_export.foreign.model_spec import ModelSpec

ROUNDING = 1e-3
"""By how much a probability may leave the range 0 to 1, as float16 and resizes have it."""

SUM_ROUNDING = 1e-2
"""By how much the probabilities of a pixel's classes may miss 1, likewise."""

WHITE = 255.0
"""The highest grey level, as of `sigmoid * 255`."""

MOST_COLOURS = 255
"""Of a palette, one a class; scores of three classes take many more combinations of levels over frames and noise."""

CHOICES = ("Softmax", "LogSoftmax", "ArgMax")
"""Operators after which channels exclude one another."""


@dataclass(frozen=True)
class Range:
    """The values that the channels took, over frames.

    Attributes:
        least: of all.
        most: of all.
        whole: all were whole numbers.
        shares: they were 0 to 1, and summed up to 1 over the channels of each pixel.
    """

    least: float
    most: float
    whole: bool
    shares: bool = False

    @classmethod
    def of(cls, channels: list[NDArray[np.float32]]) -> Range:
        """Over the frames' channels, (C, h, w) each."""
        whole = all(np.array_equal(each, np.round(each)) for each in channels)
        found = cls(min(float(each.min()) for each in channels), max(float(each.max()) for each in channels), whole)
        sums = [each.sum(axis=0) for each in channels if len(each) > 1]
        shares = found.in_unit and bool(sums) and all(bool((np.abs(each - 1) <= SUM_ROUNDING).all()) for each in sums)
        return replace(found, shares=shares)

    @property
    def in_unit(self) -> bool:
        """Whether they are probabilities, or 0 and 1."""
        return self.least >= -ROUNDING and self.most <= 1 + ROUNDING

    @property
    def known(self) -> tuple[float, float]:
        """What they may be: 0 to 1, or grey levels, of which frames may show a part; else as far as they went."""
        if self.in_unit:
            return 0.0, 1.0
        return (0.0, WHITE) if self.least >= 0 and self.most <= WHITE else (self.least, self.most)

    def __str__(self) -> str:
        return f"{self.least:.4g} to {self.most:.4g}"


def looks_painted(channels: list[NDArray[np.float32]]) -> bool:
    """Whether channels (C, h, w) of frames look like class ids painted in a palette's colours, rather than like scores.

    They are three, of grey levels, in few combinations; a mask for each of three classes has one level beside 0, and a
    channel for each pixel.
    """
    levels = np.concatenate([each.reshape(len(each), -1) for each in channels], axis=1)
    if len(levels) != 3 or levels.min() < 0 or levels.max() > WHITE or not np.array_equal(levels, np.round(levels)):
        return False
    colours = np.unique(levels.astype(np.uint32).T @ np.array([1 << 16, 1 << 8, 1], np.uint32))
    masks = np.count_nonzero(levels, axis=0).max() == 1 and levels.sum(axis=0).min() == levels.max()
    return len(colours) <= MOST_COLOURS and levels.max() > 1 and not masks


def find_head(values: Range, count: int, model_spec: ModelSpec, *, undone: Collection[str], where: str) -> Head:
    """The head, and the threshold that is to be subtracted from its channels.

    Args:
        values: of the channels that the graph will give.
        count: of the channels.
        model_spec: what is stated.
        undone: operators after these channels that were left out; before a sigmoid, they are logits of probabilities.
        where: the model's file, for messages.

    Raises:
        SpecError: what is stated contradicts the values, or they are of no known kind and no threshold is stated.
    """
    kind: HeadKind = model_spec.head or ("binary" if count == 1 else "classes")
    if kind == "binary" and (count != 1 or len(model_spec.spec.classes) != 2):
        raise SpecError(
            f"{where} gives {counted(count, 'channel')}, but a binary head has one, for two classes; correct the spec"
        )
    if kind == "classes":
        if count == 1:
            raise SpecError(f'{where} gives one channel, which is a binary head; say "head": "binary", or leave it out')
        if model_spec.threshold is not None:
            raise SpecError('spec has a "threshold", but of classes the highest wins; leave it out, or say which head')
        return Head()
    if kind == "multi-label":
        _check_independent(values, undone, where)
    if "Sigmoid" in undone:
        return Head(kind, "logits", _logit_of(model_spec, where), model_spec.exclusive)
    found = _kind_of(values)
    stated = model_spec.values
    if stated is not None and stated != found and not (stated == "probabilities" and values.in_unit):
        raise SpecError(f'{where} gives {values} on frames, which are no {stated}; correct "values", or leave it out')
    if found is None and model_spec.threshold is None:
        raise SpecError(
            f'{where} gives {values} on frames, neither logits nor probabilities; say with "threshold" in the spec '
            "above which value a pixel counts"
        )
    usual = 0.0 if found == "logits" else 0.5
    threshold = usual if model_spec.threshold is None else model_spec.threshold
    low, high = values.known
    if found != "logits" and not low <= threshold <= high:
        raise SpecError(f"{where} gives {values} on frames, and the threshold {threshold:g} lies outside; correct it")
    return Head(kind, stated or found or "logits", threshold, model_spec.exclusive)


def _check_independent(values: Range, undone: Collection[str], where: str) -> None:
    """Refuses labels that cannot hold or fail each by itself."""
    choice = next((each for each in undone if each in CHOICES), None)
    if choice is not None or values.shares:
        reason = f"ends in {choice}" if choice else "gives channels that sum up to 1 at every pixel"
        raise SpecError(f'{where} {reason}, so a pixel has one of its classes; say "head": "classes", or leave it out')


def _kind_of(values: Range) -> Values | None:
    if values.in_unit:
        return "ids" if values.whole else "probabilities"
    return "logits" if values.least < 0 else None


def _logit_of(model_spec: ModelSpec, where: str) -> float:
    """The threshold before the sigmoid that stands for the one after it."""
    threshold = 0.5 if model_spec.threshold is None else model_spec.threshold
    if model_spec.values == "logits":
        return 0.0 if model_spec.threshold is None else model_spec.threshold
    if not 0 < threshold < 1:
        raise SpecError(f"{where} ends in a sigmoid, and the threshold is {threshold:g}; expected one between 0 and 1")
    return math.log(threshold / (1 - threshold))
