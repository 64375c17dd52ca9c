"""The mask that users of somebody else's network make of its output, by its own rule: what the kernels' must equal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.spec import Head
from edgeseg_export.foreign.tail import RESIZING, SQUASHING, Tail

TIE = 1e-6
"""Of a class's largest score: what float32 rounds when scores are resized."""


@dataclass(frozen=True)
class OwnMask:
    """Class ids (h, w) of what a network computed; of labels that may overlap, bool (L, h, w).

    Attributes:
        tail: what follows its logits.
        head: what its channels mean.
        picture: name of the last tensor that holds scores of all pixels, or class ids.
        squashed: a sigmoid lies between its logits and the picture.
        kept: the channels that the spec keeps; None for all.
    """

    tail: Tail
    head: Head
    picture: str
    squashed: bool
    kept: tuple[int, ...] | None

    def __call__(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None = None) -> NDArray[Any]:
        """The mask.

        Args:
            tensors: what the network computed, by name.
            size: height and width that scores are resized to first, as `interpolate` does it; None for none.
        """
        if self.tail.ids is not None:
            return np.squeeze(tensors[self.tail.ids])
        if self.head.exclusive:
            ids: NDArray[Any] = self._scores(tensors, size).argmax(0)
            return ids
        own: NDArray[Any] = self._shown(tensors, size) > self._threshold
        return own if self.kept is None else own[list(self.kept)]

    def ties(
        self, tensors: dict[str, NDArray[Any]], ids: NDArray[Any], size: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Where class ids (h, w) score as high as the mask's, but for rounding: scores of few levels often tie.

        Nowhere if the network gives class ids itself, or labels that may overlap.
        """
        if self.tail.ids is not None or not self.head.exclusive:
            return np.zeros(ids.shape, np.bool_)
        scores = self._scores(tensors, size)
        rounding = TIE * np.abs(scores).max((1, 2))  # of each class: one that never wins may have -1e4
        chosen = np.take_along_axis(scores, ids[None].astype(np.int64), 0)[0]
        tied: NDArray[np.bool_] = chosen >= scores.max(0) - np.maximum(rounding[ids], rounding[scores.argmax(0)])
        return tied

    @property
    def resizes_scores(self) -> bool:
        """Whether users resize the scores of its own output: it is smaller than its input, and holds no ids yet."""
        return self.tail.ids is None and not {*self.tail.names} & {*RESIZING, *SQUASHING}

    def _shown(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None) -> NDArray[np.float32]:
        """The picture of its own scores, (C, h, w), resized to `size`."""
        picture: NDArray[np.float32] = tensors[self.picture].astype(np.float32)
        picture = picture if picture.ndim == 3 else picture[0]
        channels = self.tail.scores(tensors).shape[1]
        if len(picture) != channels or (self.tail.form == "last" and picture.shape[-1] == channels):  # (h, w, C)
            picture = np.moveaxis(picture, -1, 0)
        if size is not None:
            picture = np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in picture])
        return picture

    def _scores(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None) -> NDArray[np.float32]:
        """The same as scores of the classes, of which the highest wins: one that holds where none is above has 0."""
        shown = self._shown(tensors, size)
        if self.head.kind == "classes":
            return shown
        above = shown - np.float32(self._threshold)
        return np.concatenate([np.zeros_like(above[:1]), above])

    @property
    def _threshold(self) -> float:
        """Of the picture, which may hold the sigmoid of the channels."""
        return 1 / (1 + math.exp(-self.head.threshold)) if self.squashed else self.head.threshold
