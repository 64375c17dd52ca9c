"""What a segmenter asks of its engine, which may be any."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeseg.engines import Engine
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Rect, Spec
from tests.test_segmenter import noise


def test_any_engine_joins(spec: Spec) -> None:
    class Fixed:
        """Answers class 2 everywhere."""

        name, threads = "fixed", 1

        def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
            assert tensor.shape == (1, spec.height, spec.width, 3)
            logits = np.zeros((1, 3, 5, 8), np.float32)
            logits[:, 2] = 1
            return logits

        def close(self) -> None:
            pass

    engine: Engine = Fixed()
    assert (Segmenter(spec, engine)(noise(9, 7)) == 2).all()


class Recorder:
    """An engine that remembers what it was given, and makes masks itself if it is told to."""

    name, threads = "recorder", 3

    def __init__(self, spec: Spec, *, makes_masks: bool = False) -> None:
        self.makes_masks = makes_masks
        self.tensors: list[NDArray[np.uint8]] = []
        self.rects: list[Rect] = []
        self._shape = (1, len(spec.classes), -(-spec.height // spec.stride), -(-spec.width // spec.stride))

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.tensors.append(tensor)
        return np.random.default_rng(0).normal(size=self._shape).astype(np.float32)

    def mask(self, tensor: NDArray[np.uint8], width: int, height: int, rect: Rect) -> NDArray[np.uint8]:
        self.tensors.append(tensor)
        self.rects.append(rect)
        return np.full((height, width), 1, np.uint8)

    def close(self) -> None:
        self.tensors.clear()


def test_an_engine_that_makes_masks_is_asked_for_them(spec: Spec) -> None:
    boxed = replace(spec, resize="letterbox")
    engine = Recorder(spec, makes_masks=True)
    model = Segmenter(boxed, engine)
    assert (model.makes_masks, model.threads, model.candidate) == (True, 3, None)
    assert (model(noise(20, 70)) == 1).all()
    assert engine.rects == [boxed.rect(70, 20)]
    without = Segmenter(boxed, Recorder(spec))
    assert not without.makes_masks
    assert set(np.unique(without(noise(20, 70)))) == {0, 1, 2}


def test_memory_is_kept_between_frames_and_not_shared_by_threads(spec: Spec) -> None:
    engine = Recorder(spec)
    model = Segmenter(spec, engine)
    for call in (model, model.logits, model):
        call(noise(20, 70))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(model, noise(20, 70)).result()
    here, again, once_more, elsewhere = engine.tensors
    assert here is again is once_more
    assert not np.shares_memory(here, elsewhere)
    assert here.shape == elsewhere.shape == (1, spec.height, spec.width, 3)
    assert model.prepare(noise(20, 70)) is not here
    model.close()
    assert not engine.tensors
