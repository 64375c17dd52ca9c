"""A teacher: a network that knows more, whose logits are soft targets beside the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.segmenter import load
from edgeseg.train.view import View, look


class Teacher:
    """A bundle of the same classes: one that is shipped, or somebody's large network, imported.

    Its frames may have any size. So a network can teach itself: "road" gives 76.6 mIoU for CamVid's frames enlarged
    from 480x360 to 640x480, 75.2 for them as they are.

    Attributes:
        about: which bundle, for the run's record; and for frames of which size, where that is not the data's.
        classes: how many it tells apart.
    """

    def __init__(self, name: str, classes: tuple[str, ...], frame: tuple[int, int]) -> None:
        """Loads its fp32 artifact in ONNX Runtime.

        Args:
            name: of the bundle, or its path.
            classes: of the data.
            frame: width and height of the data's frames.

        Raises:
            BundleError: there is no such bundle, or it has no fp32 artifact for ONNX Runtime.
            UsageError: it was made for other classes, or for labels that may overlap.
        """
        bundle = Bundle.open(name)
        spec = bundle.spec
        if spec.classes != classes:
            raise UsageError(f"teacher {name} knows the classes {spec.classes}, but the data has {classes}")
        if not spec.head.exclusive:
            raise UsageError(f"teacher {name} has labels that may overlap, but the data has one class a pixel")
        artifact = bundle.artifact(target="onnxruntime", precision="fp32")
        self.about: dict[str, Any] = {"bundle": spec.name, "sha256": artifact.sha256}
        if (spec.width, spec.height) != frame:
            self.about["size"] = f"{spec.width}x{spec.height}"
        self.classes = len(classes)
        self._model = load(bundle, artifact=artifact)

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """How many logits it has over a picture of that size, from left to right and from top to bottom."""
        rect = self._model.spec.rect(width, height)
        return max(1, round(rect.width)), max(1, round(rect.height))

    def logits(self, picture: Image, width: int, height: int) -> NDArray[np.float32]:
        """Logits (C, height, width) spread evenly over a picture: the mean of what it and its mirror image give.

        "road" gains 0.5 mIoU by the mirror image.

        Args:
            picture: uint8 (H, W, 3), BGR.
            width: of the grid of logits.
            height: likewise.
        """
        seen = self._seen(picture, width, height)
        mirrored = self._seen(np.ascontiguousarray(picture[:, ::-1]), width, height)
        return np.asarray((seen + mirrored[..., ::-1]) / 2, np.float32)

    def _seen(self, picture: Image, width: int, height: int) -> NDArray[np.float32]:
        logits = self._model.logits(picture)
        if logits.shape[1] == 1:  # of two classes: the other one's are 0
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        rect = self._model.spec.rect(picture.shape[1], picture.shape[0])
        rows, columns = logits.shape[2:]
        view = View(
            left=rect.x / columns,
            across=rect.width / columns / width,
            top=rect.y / rows,
            down=rect.height / rows / height,
        )
        return look(torch.from_numpy(logits), [view], width, height)[0].numpy()
