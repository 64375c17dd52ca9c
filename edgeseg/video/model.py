"""What a stream needs of a model, and what it gives for each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from edgeseg.arrays import Image, Mask
from edgeseg.spec import Spec


class Model(Protocol):
    """What a stream needs of a segmenter. All methods are called by several threads at once."""

    @property
    def threads(self) -> int:
        """Cores that one call of `infer` uses."""

    @property
    def batch(self) -> int:
        """Frames that one call of `infer` takes at most; 1 where it makes masks."""

    @property
    def spec(self) -> Spec:
        """Its `width` and `height` are the network's input size."""

    @property
    def makes_masks(self) -> bool:
        """Whether masks come from `segment`, and overlays from `paint`, rather than from `infer` and logits."""

    def prepare(self, frame: Image, *, out: Image | None = ...) -> Any:
        """The network's input for a BGR uint8 (H, W, 3) frame, in `out` (1, height, width, 3) or the frame itself."""

    def infer(self, tensor: Any) -> Any:
        """Logits of that input; of several put together, as many, along the first axis."""

    def mask(self, logits: Any, width: int, height: int) -> Mask:
        """Class ids, uint8 (height, width); or `spec.mask_shape` of labels that may overlap."""

    def overlay(self, logits: Any, frame: Image, *, alpha: float = ..., mask: Mask | None = ...) -> Image:
        """The frame tinted with its classes' colours; fills `mask` where one is given."""

    def segment(self, tensor: Any, width: int, height: int) -> Mask:
        """The mask of that input."""

    def paint(self, mask: Mask, frame: Image, *, alpha: float = ...) -> Image:
        """The frame tinted with the colours of its mask."""


@runtime_checkable
class RemoteModel(Model, Protocol):
    """A model elsewhere, whose answers may be waited for in vain."""

    def hurry(self) -> None:
        """The stream is to end: what is not there at once raises AbandonedError. A signal handler may call it."""


@dataclass(frozen=True, slots=True)
class Result:
    """One segmented frame.

    Attributes:
        index: of the frame in its source.
        frame: BGR uint8 (H, W, 3).
        mask: class ids, uint8 (H, W), or of labels that may overlap uint8 (L, H, W), 1 where one holds; None if not
            asked for.
        overlay: BGR uint8 (H, W, 3); None if not asked for.
        timestamp: seconds on the source's own clock.
        captured: time.perf_counter() at capture, as `edgeseg.video.source.Frame` defines it.
        done: time.perf_counter() when the mask was finished.
        seconds: spent in capture, prepare, infer and kernel (mask or overlay); where the engine makes the masks itself,
            infer ends with the mask.
        name: an image file's name without its extension.
        labels: names of the masks in `mask`, in order; empty where it holds class ids.
    """

    index: int
    frame: Image
    mask: Mask | None
    overlay: Image | None
    timestamp: float
    captured: float
    done: float
    seconds: dict[str, float]
    name: str | None
    labels: tuple[str, ...] = ()
