"""Networks for other tasks than a class for each pixel, known by the shapes of what they give for a frame.

Mask classification (MaskFormer, Mask2Former): classes (1, Q, K) and masks (1, Q, h, w) of Q queries. Instances: the
same with boxes (1, Q, 4) (RF-DETR); boxes with coefficients (1, N, F) and prototypes (1, P, h, w) that these mix, F at
least 4 + 1 + P (YOLO-seg, YOLACT); or boxes (N, 4), labels (N), scores (N) and masks of N objects (Mask R-CNN).
Detection: boxes (1, N, F) alone, of as many cells as three strides have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from edgeseg.errors import ExportError

Shape = tuple[int, ...]

BOX = 4
"""Numbers of a box."""

STRIDES = (8, 16, 32)
ANCHORS = (1, 3)
"""Of detectors: boxes a cell."""

FEWEST = 8
"""Queries, or prototypes: fewer are the channels of a head."""


SHOWN = 3
"""Outputs that a message names, and the last: auxiliary losses have many alike."""


class Task(NamedTuple):
    """What a network is, in words, and its outputs that say so."""

    name: str
    advice: str
    outputs: tuple[str, ...]


def refuse_other_tasks(
    shapes: Mapping[str, Shape], size: tuple[int, int], labels: int, output: str | None, where: str
) -> None:
    """Refuses a network that gives no class for each pixel; other outputs beside such a task may be chosen.

    Args:
        shapes: of all outputs, for one frame.
        size: height and width of the input.
        labels: classes that have a channel.
        output: the one that is said to hold the scores, if any is.
        where: the model's file, for messages.

    Raises:
        ExportError: it is one; the message says which, and which outputs say so.
    """
    for task in _tasks(shapes, size, labels):
        others = [shape for name, shape in shapes.items() if name not in task.outputs]
        chosen = output is not None and output in shapes and output not in task.outputs
        if chosen or (output is None and any(len(shape) == 4 and labels in shape[1::2] for shape in others)):
            continue
        shown = (*task.outputs[:SHOWN], task.outputs[-1]) if len(task.outputs) > SHOWN + 1 else task.outputs
        seen = ", ".join(f"{name} ({', '.join(map(str, shapes[name]))})" for name in shown)
        raise ExportError(
            f"{where} is {task.name} ({seen}), and edgeseg takes a score for each class and pixel; {task.advice}"
        )


def _tasks(shapes: Mapping[str, Shape], size: tuple[int, int], labels: int) -> Iterator[Task]:
    for masks, shape in shapes.items():
        if len(shape) != 4:
            continue
        if shape[0] == 1 and shape[1] >= FEWEST:
            yield from _queries(shapes, masks, labels)
            for boxes in (name for name, other in shapes.items() if len(other) == 3 and other[0] == 1):
                yield from _prototypes(shapes, masks, boxes, size, labels)
        yield from _objects(shapes, masks)
    if len(shapes) == 1:
        yield from _boxes(shapes, size)


def _queries(shapes: Mapping[str, Shape], masks: str, labels: int) -> Iterator[Task]:
    """Masks and classes of as many queries. As many channels as classes may be scores, beside what is said of each."""
    _, queries, *area = shapes[masks]
    rows = [name for name, shape in shapes.items() if len(shape) == 3 and shape[:2] == (1, queries)]
    rows = [name for name in rows if list(shapes[name][1:]) != area]  # a picture of class ids is none
    kinds = {shapes[name][2] for name in rows}
    if not rows or (queries == labels and not kinds & {labels, labels + 1}):
        return
    outputs = (*rows, masks)
    if BOX in kinds:
        yield Task("an instance network", "choose a semantic one", outputs)
    else:
        yield Task(
            f"a mask-classification network, as Mask2Former, with a mask and classes for each of {queries} queries",
            "export it with the sum over queries of class probability times mask probability as its output",
            outputs,
        )


def _prototypes(
    shapes: Mapping[str, Shape], masks: str, boxes: str, size: tuple[int, int], labels: int
) -> Iterator[Task]:
    """Boxes whose numbers hold a coefficient for each prototype; prototypes are smaller than the input."""
    _, count, height, width = shapes[masks]
    numbers = [each for each in shapes[boxes][1:] if each >= BOX + 1 + count]
    exact = any(each in (BOX + labels + count, BOX + 1 + labels + count, BOX + 2 + count) for each in numbers)
    if numbers and height < size[0] and width < size[1] and (count != labels or exact):
        name = f"an instance network, as YOLO-seg, with boxes and {count} prototypes of masks"
        yield Task(name, "choose its semantic sibling", (boxes, masks))


def _objects(shapes: Mapping[str, Shape], masks: str) -> Iterator[Task]:
    """Boxes, labels, scores and masks of the objects that were found, however many."""
    for boxes, shape in shapes.items():
        alike = [name for name, other in shapes.items() if other == shape[:1]]
        if len(shape) == 2 and shape[1] == BOX and len(alike) > 1 and shapes[masks][0] == shape[0]:
            name = "an instance network, as Mask R-CNN, with boxes and masks of objects"
            yield Task(name, "choose a semantic one", (boxes, *alike, masks))


def _boxes(shapes: Mapping[str, Shape], size: tuple[int, int]) -> Iterator[Task]:
    """As many boxes as a detector's cells."""
    (name, shape), cells = next(iter(shapes.items())), sum(size[0] // each * (size[1] // each) for each in STRIDES)
    boxes = [anchors * cells for anchors in ANCHORS]
    if len(shape) == 3 and shape[0] == 1 and min(shape[1:]) > BOX and set(shape[1:]) & {*boxes}:
        yield Task("a detector, with boxes", "choose a semantic network", (name,))
