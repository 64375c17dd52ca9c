"""Image in, mask out: a bundle with an engine, and the kernels around it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.arrays import Image, Logits, Mask
from edgeseg.artifact import Artifact
from edgeseg.auto import AUTO, choose
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate, default_candidate
from edgeseg.engines import BatchEngine, Engine, MaskEngine, check_logits, check_threads
from edgeseg.errors import FrameError, UsageError
from edgeseg.processor import available_cores
from edgeseg.segmenter_arguments import frame_size, own_logits, rect_of
from edgeseg.spec import Spec
from edgeseg.trust import check_trust

_log = logging.getLogger("edgeseg")


class Segmenter:
    """Segments frames.

        model = edgeseg.load("road")
        mask = model(frame)

    A frame is uint8 (H, W, 3) in BGR, of any size; a mask is uint8 (H, W), one class id per pixel, of the frame's size.
    With a network of one channel, class 1 is where its logit is above 0. Where the spec's head is not exclusive, labels
    may overlap, and a mask is uint8 (L, H, W): for each label 1 where it holds, else 0.
    Several threads may use one segmenter at once, and each gets what it would get alone.

    Attributes:
        spec: the contract of the bundle.
        candidate: the runtime and the artifact that `load` opened; None where an engine was joined by hand.
        palette: uint8 (classes, 3), BGR: the colours as OpenCV draws them.
        threads: that one inference runs on.
        batch: pictures that the engine takes at once, at most; 1 where it makes masks.
        makes_masks: the engine makes masks on its own device; `segment` then spares the logits the way to the host.
    """

    def __init__(self, spec: Spec, engine: Engine, candidate: Candidate | None = None) -> None:
        """Joins an engine and the spec that its artifact keeps; `load` does it for a bundle."""
        self.spec = spec
        self.candidate = candidate
        self.palette: NDArray[np.uint8] = np.ascontiguousarray(np.array(spec.palette, np.uint8)[:, ::-1])
        self.threads = engine.threads
        self._engine = engine
        self._masks = engine if isinstance(engine, MaskEngine) and engine.makes_masks else None
        self.makes_masks = self._masks is not None
        self.batch = engine.batch if isinstance(engine, BatchEngine) and not self.makes_masks else 1
        self._local = threading.local()

    def __call__(self, frame: Image) -> Mask:
        """The mask of a frame.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3).
        """
        tensor = self.prepare(frame, out=self._tensor())
        return self.segment(tensor, frame.shape[1], frame.shape[0])

    def logits(self, frame: Image) -> Logits:
        """Logits (1, C, h, w), float32, of a frame.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3).
        """
        return self._engine.infer(self.prepare(frame, out=self._tensor()))

    def confidence(self, frame: Image) -> NDArray[np.float32]:
        """By how much the best class beats the next, float32 (H, W), in logits: 0 on the border between two classes.

        Of labels that may overlap, how far each is from its threshold, float32 (L, H, W).

        Raises:
            FrameError: the frame is not uint8 (H, W, 3).
        """
        height, width = frame_size(frame)
        logits, rect = self.logits(frame), self.spec.rect(width, height)
        if self.spec.head.exclusive:
            return kernels.margin(logits, width, height, rect=rect)
        return np.stack([kernels.margin(plane[np.newaxis], width, height, rect=rect) for plane in logits[0]])

    def prepare(self, frame: Image, *, out: Image | None = None) -> Image:
        """The engine's input, uint8 (1, H, W, 3) in BGR: the frame at the size and place that the spec says.

        Args:
            frame: uint8 (H, W, 3).
            out: C-contiguous memory for the result, of its shape. Not used where the frame can serve as it is: the
                result is then a view of the frame.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3), or `out` does not fit.
        """
        height, width = frame_size(frame)
        spec = self.spec
        if (width, height) == (spec.width, spec.height) and frame.flags.c_contiguous:
            return frame[np.newaxis]
        shape = (1, spec.height, spec.width, 3)
        if out is None:
            out = np.empty(shape, np.uint8)
        elif out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
            raise FrameError(f"out is {out.shape} of {out.dtype}, expected C-contiguous {shape} of uint8")
        placed_width, placed_height = spec.placement(width, height)
        canvas = out[0]
        kernels.resize(frame, placed_width, placed_height, out=canvas[:placed_height, :placed_width])
        canvas[placed_height:] = spec.pad
        canvas[:placed_height, placed_width:] = spec.pad
        return out

    def infer(self, tensor: Image) -> Logits:
        """Logits (N, C, h, w), float32, of what `prepare` gave: one picture, or up to `batch` put together.

        Raises:
            FrameError: the tensor has another shape or dtype.
        """
        return self._engine.infer(tensor)

    def masks(self, frames: Sequence[Image]) -> list[Mask]:
        """The masks of frames, of any sizes: `batch` of them are inferred at once.

        Raises:
            FrameError: a frame is not uint8 (H, W, 3).
        """
        if self.batch == 1:
            return [self(frame) for frame in frames]
        masks = []
        for first in range(0, len(frames), self.batch):
            together = frames[first : first + self.batch]
            logits = self.infer(np.concatenate([self.prepare(frame) for frame in together]))
            sizes = [frame.shape[1::-1] for frame in together]
            masks += [self.mask(one[np.newaxis], *size) for one, size in zip(logits, sizes, strict=True)]
        return masks

    def segment(self, tensor: Image, width: int, height: int) -> Mask:
        """`mask` of `infer`: the mask of what `prepare` gave for a frame of that size.

        Raises:
            FrameError: the tensor has another shape or dtype, or the size is below 1x1.
        """
        if self._masks is not None:
            return self._masks.mask(tensor, width, height, rect_of(self.spec, width, height))
        return self.mask(self.infer(tensor), width, height)

    def mask(self, logits: Logits, width: int, height: int, *, out: Mask | None = None) -> Mask:
        """The mask of the logits of a frame of that size, uint8, `spec.mask_shape`; `out` is memory for it.

        Raises:
            FrameError: the logits are not this network's, the size is below 1x1, or `out` does not fit.
        """
        kernel = kernels.argmax if self.spec.head.exclusive else kernels.labels
        planes = own_logits(self.spec, logits)
        return kernel(planes, width, height, rect=rect_of(self.spec, width, height), out=out)

    def overlay(
        self, logits: Logits, frame: Image, *, alpha: float = 0.5, out: Image | None = None, mask: Mask | None = None
    ) -> Image:
        """The frame with its classes painted over it, uint8 (H, W, 3) in BGR, and the mask, in one pass.

        Where labels overlap, the mean of their colours is painted.

        Args:
            logits: of this frame.
            frame: uint8 (H, W, 3).
            alpha: weight of the class colours, 0 to 1.
            out: memory for the result, of the frame's shape.
            mask: memory for the mask too, uint8, `spec.mask_shape`, if it is wanted.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3), the logits are not this network's, or memory does not fit.
        """
        height, width = frame_size(frame)
        if not self.spec.head.exclusive:
            masks = self.mask(logits, width, height, out=mask)
            return kernels.blend_labels(masks, frame, self.palette, alpha=alpha, out=out)
        planes, rect = own_logits(self.spec, logits), self.spec.rect(width, height)
        return kernels.overlay(planes, frame, self.palette, alpha=alpha, rect=rect, out=out, mask=mask)

    def paint(self, mask: Mask, frame: Image, *, alpha: float = 0.5) -> Image:
        """The frame with the classes of its mask painted over it: what `overlay` gives, without the logits.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3), or the mask is none of its size.
        """
        blend = kernels.blend if self.spec.head.exclusive else kernels.blend_labels
        return blend(mask, frame, self.palette, alpha=alpha)

    def close(self) -> None:
        """Frees the engine; the segmenter cannot be used any more."""
        self._engine.close()

    def _tensor(self) -> Image:
        """This thread's input memory, kept between frames: fresh pages cost more than the resize."""
        tensor: Image | None = getattr(self._local, "tensor", None)
        if tensor is None:
            tensor = self._local.tensor = np.empty((1, self.spec.height, self.spec.width, 3), np.uint8)
        return tensor


def load(
    bundle: str | os.PathLike[str] | Bundle = "road",
    *,
    engine: str = "onnxruntime",
    precision: str | None = None,
    artifact: Artifact | None = None,
    threads: int | None = None,
    size: tuple[int, int] | None = None,
    require_signature: bool = False,
    trust: str | os.PathLike[str] | None = None,
    min_version: int | None = None,
    say: Callable[[str], None] = _log.info,
) -> Segmenter:
    """Opens a bundle and loads its artifact.

    Args:
        bundle: a path, or the name of a bundle that comes with edgeseg.
        engine: the runtime, a file name in edgeseg/engines; or "auto": what runs the bundle fastest here without
            losing accuracy, which is measured once (edgeseg/auto.py).
        precision: "fp32", "fp16", "int8" or "int8-7bit"; by default the first that the bundle lists, which is its
            best.
        artifact: the very artifact of the bundle to load, instead of one by its precision.
        threads: that one inference runs on; by default all cores that this process may use.
        size: width and height of the network's input, instead of the spec's; for networks that take any.
        require_signature: refuse a bundle that no trusted key signed; so do the rules of this machine's trust folders
            (edgeseg/trust.py), whatever is said here.
        trust: a public key or a folder of some, to trust in place of those in the trust folders; asks for a
            signature.
        min_version: refuse a lower version of the bundle; asks for a signature.
        say: called with what "auto" measures and chooses; by default it goes to the log "edgeseg".

    Raises:
        BundleError: the bundle is missing, altered, unsafe or of a newer format, has no such artifact, or is not signed
            as asked for.
        EngineError: the runtime is absent, or refuses the artifact or the size.
        UsageError: the network takes its own size alone; or a key is not in order, or cryptography not installed.

    Warns:
        EdgeSegWarning: INT8 would saturate on this processor, and was asked for, or the bundle has none with 7-bit
            weights: then fp32 is taken in its place.
    """
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    check_trust(opened, require_signature=require_signature, trust=trust, min_version=min_version)
    if threads is None:
        threads = available_cores()
    check_threads(threads)
    spec = opened.spec if size is None else _resized(opened.spec, *size)
    if artifact is not None:
        candidate = Candidate(engine, artifact)
    elif engine == AUTO:
        choice = choose(opened, threads=threads, precision=precision, say=say)
        if choice.measured or choice.left_out:
            say(f"engine auto: {choice}")
        candidate = choice.candidate
    else:
        candidate = default_candidate(opened, engine, precision)
    loaded = candidate.open(opened, threads)  # with the spec that the artifact carries, whichever size is asked for
    if spec != opened.spec:
        blank = np.zeros((1, spec.height, spec.width, 3), np.uint8)
        check_logits(opened.path(candidate.artifact), spec, loaded.infer(blank).shape)
    return Segmenter(spec, loaded, candidate)


def _resized(spec: Spec, width: int, height: int) -> Spec:
    """The spec with another size of the network's input.

    Raises:
        UsageError: the network takes its own size alone.
    """
    if (width, height) != (spec.width, spec.height) and not spec.dynamic:
        raise UsageError(
            f"bundle {spec.name} takes {spec.width}x{spec.height} alone, not {width}x{height}; export it with "
            "--dynamic for more sizes"
        )
    return replace(spec, width=width, height=height)
