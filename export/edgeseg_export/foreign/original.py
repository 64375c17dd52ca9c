"""The network as it came: the reference of every conversion from somebody else's ONNX."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgeseg import kernels
from edgeseg.errors import ExportError, SpecError
from edgeseg.spec import Grid, Head, Spec
from edgeseg_export.foreign.head import CHOICES, Range, find_head, looks_painted
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.open_onnx import tensor_outputs
from edgeseg_export.foreign.other_tasks import refuse_other_tasks
from edgeseg_export.foreign.own_mask import OwnMask
from edgeseg_export.foreign.picture_input import FLOATS, LEVELS, fixed_batch, frame_input
from edgeseg_export.foreign.session import Session
from edgeseg_export.foreign.tail import Tail, candidates, find_tail
from edgeseg_export.frames import sample_frames

PAINTED = (
    "its three channels hold whole levels in few combinations: if they are the colours of a palette, export the class "
    "ids or the scores before them"
)


class Original:
    """The network as it came, run by ONNX Runtime on what `Preparation` computes in NumPy.

    Attributes:
        model: of `load_foreign`.
        model_spec: what it is said to be.
        where: its file, for messages.
        output: name of its output.
        tail: what follows its logits.
        dtype: of its logits.
        head: what its channels mean.
        grid: how pixels lie on its logits.
        painted: its three channels look like a palette's colours, not like scores.
        own_mask: what its users make of its output.
        batch: pictures that it takes at once, and no other number; the bundle takes one.
    """

    def __init__(self, model: onnx.ModelProto, model_spec: ModelSpec, where: str) -> None:
        """Runs it once, to find its logits.

        Raises:
            SpecError: the spec does not fit it.
            ExportError: it cannot be run, or ends in what cannot be undone.
        """
        picture = frame_input(model, model_spec, where)
        if picture.type.tensor_type.elem_type in LEVELS:  # a picture's own levels, whatever range the spec says
            model_spec = replace(model_spec, preparation=replace(model_spec.preparation, range=255))
        self.model, self.model_spec, self.where = model, model_spec, where
        self.batch = fixed_batch(picture)
        self._refuse_other_tasks(picture)
        self.output = _output(model, model_spec, where)
        chain = candidates(model, self.output)
        names = [self.output, *(str(node.input[0]) for node in chain)]
        self._session = Session(model, picture, model_spec.preparation, names, where)
        tensors = self(np.zeros((1, model_spec.spec.height, model_spec.spec.width, 3), np.uint8))
        self.tail: Tail = find_tail(chain, self.output, tensors, model_spec, where)
        self.dtype = tensors[self.tail.logits].dtype
        self.head = self._find_head()
        self.grid = self._find_grid()
        channels = self.tail.scores(tensors).shape[1]
        shown = self.tail.ids or next(name for name in names if _is_whole(tensors[name].shape, channels))
        between = chain[names.index(shown) : len(self.tail.undone)]
        squashed = any(node.op_type == "Sigmoid" for node in between)
        self.own_mask = OwnMask(self.tail, self.head, shown, squashed, model_spec.channels)

    def __call__(self, tensor: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The output and the tensors before it that may be the logits, of frames uint8 (1, H, W, 3) in BGR."""
        return self._session(tensor)

    @property
    def spec(self) -> Spec:
        """Of the bundle, with what was found of the head and the grid."""
        return replace(self.model_spec.spec, head=self.head, grid=self.grid)

    @property
    def notes(self) -> list[str]:
        """What was found that the spec does not say, a sentence each."""
        sentences = []
        if self.batch > 1:
            sentences.append(f"it takes {self.batch} pictures at once, and no other number; the bundle takes one")
        if self.head.kind == "binary" and self.model_spec.threshold is None:
            sentences.append(
                f"its one channel holds {self.head.values}, and is class 1 above {self.head.threshold:g}"
                ' ("values" and "threshold" in the spec say otherwise)'
            )
        if self.painted:
            sentences.append(PAINTED)
        if self.head.kind == "classes" and self.model_spec.head is None and self.independent:
            sentences.append(
                "its channels are probabilities that do not sum up to 1, of which the highest wins; if several may "
                'hold, or none, say "head": "multi-label" in the spec'
            )
        if not self.head.exclusive:
            sentences.append(
                f"its labels may overlap: each has a mask of its own, where its {self.head.values} are above "
                f'{self.head.threshold:g} (a "background" in the spec makes one of them win)'
            )
        if self.grid != "stride" and self.model_spec.grid is None:
            whole = "the whole input" if self.grid == "whole" else "the outermost pixels' centres (align_corners)"
            sentences.append(f'its logits are laid over {whole} ("grid" in the spec says otherwise)')
        if self.tail.ids is not None and "Resize" in self.tail.names[self.tail.names.index("ArgMax") :]:
            sentences.append("its resize of class ids is left out: scores are resized instead, for smoother borders")
        return sentences

    def channels(self, tensors: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Of what a call gave, (1, C, h, w), the spec's channels alone, as the network has them."""
        scores: NDArray[np.float32] = self.tail.scores(tensors).astype(np.float32)
        return scores if self.model_spec.channels is None else np.ascontiguousarray(scores[:, self.model_spec.channels])

    def logits(self, tensors: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Of what a call gave, (1, classes, h, w) or (1, 1, h, w), cut at 0, as the bundle's graph must give them."""
        channels = self.channels(tensors) - np.float32(self.head.threshold)
        if self.head.kind != "multi-label" or not self.head.exclusive:
            return channels
        return np.concatenate([np.zeros_like(channels[:, :1]), channels], axis=1)

    @property
    def whole(self) -> bool:
        """Whether the channels hold whole numbers, as ready-made masks and levels of uint8 are."""
        return self._values.whole

    @property
    def independent(self) -> bool:
        """Whether the channels look like probabilities that each hold or fail by themselves."""
        if self.tail.ids is not None or {*CHOICES} & {*self.tail.names}:
            return False
        return "Sigmoid" in self.tail.names or (self._values.in_unit and not self._values.shares)

    def _find_head(self) -> Head:
        """Runs frames of all kinds, to see which values the channels take."""
        spec = self.model_spec.spec
        outputs = [self.channels(self(kernels.resize(frame, spec.width, spec.height)[None])) for frame in probes()]
        self._refuse_infinite(outputs)
        self.painted = looks_painted([channels[0] for channels in outputs])
        self._values = Range.of([channels[0] for channels in outputs])
        names = self.tail.names
        return find_head(self._values, outputs[0].shape[1], self.model_spec, undone=names, where=self.where)

    def _refuse_infinite(self, outputs: list[NDArray[np.float32]]) -> None:
        """Names the channels that hold infinity or NaN, of which no class can be chosen, or the weights behind them."""
        finite = np.array([np.isfinite(channels).all(axis=(0, 2, 3)) for channels in outputs])
        if finite[:-2].all() and not finite.all():  # all but the black and the white one of `probes`
            raise ExportError(
                f"{self.where} gives infinity or NaN for a frame that is all black or white, as of a covered camera; "
                "if it divides by the range of its own values, add a small number to the divisor and export it again"
            )
        if not finite.all() and (spoilt := _spoilt(self.model)) is not None:
            spoilt = f"{self.where} holds NaN in its weights {spoilt:.80}"
            raise ExportError(f"{spoilt}: its training diverged; export an earlier state of it")
        kept = self.model_spec.channels or range(finite.shape[1])
        broken = ", ".join(str(channel) for channel, fine in zip(kept, finite.min(axis=0), strict=True) if not fine)
        if broken:
            raise ExportError(
                f"{self.where} gives infinity or NaN in channel {broken:.80}; leave classes that never win out with "
                '"channels" in the spec, or export it with -1e4 in place of -inf'
            )

    def _find_grid(self) -> Grid:
        """The network's own, or what is stated; people resize to the whole input where neither says."""
        spec, stated, own = self.model_spec.spec, self.model_spec.grid, self.tail.grid
        if stated is not None and own is not None and stated != own:
            raise SpecError(f'{self.where} resizes its scores by the grid "{own}", not "{stated}"; correct the spec')
        grid = stated or own or "whole"
        divides = spec.width % spec.stride == spec.height % spec.stride == 0
        return "stride" if grid == "whole" and divides and not spec.dynamic else grid

    def _refuse_other_tasks(self, picture: onnx.ValueInfoProto) -> None:
        """Runs a frame, to see whether the outputs are those of a network for another task."""
        model_spec = self.model_spec
        session = Session(self.model, picture, model_spec.preparation, tensor_outputs(self.model), self.where)
        spec = model_spec.spec
        frame = kernels.resize(sample_frames(None)[0], spec.width, spec.height)
        shapes = {name: found.shape for name, found in session(frame[None]).items()}
        refuse_other_tasks(shapes, (spec.height, spec.width), model_spec.labels, model_spec.output, self.where)


def probes() -> list[NDArray[np.uint8]]:
    """Frames that show what a network can give: streets, noise, black and white."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    return [*sample_frames(None), noise, np.zeros_like(noise), np.full_like(noise, 255)]


def _spoilt(model: onnx.ModelProto) -> str | None:
    """The name of a constant that holds NaN, if there is one."""
    floats = (tensor for tensor in model.graph.initializer if tensor.data_type in FLOATS)
    return next((each.name for each in floats if np.isnan(numpy_helper.to_array(each)).any()), None)


def _is_whole(shape: tuple[int, ...], channels: int) -> bool:
    """Whether a tensor holds scores of all pixels: four axes, or (C, h, w), the batch or the only channel squeezed."""
    return len(shape) == 4 or (len(shape) == 3 and shape[0] == channels and min(shape[1:]) > 1)


def _output(model: onnx.ModelProto, model_spec: ModelSpec, where: str) -> str:
    names = tensor_outputs(model)
    if model_spec.output is None and len(names) == 1:
        return names[0]
    if model_spec.output in names and model_spec.output is not None:
        return model_spec.output
    listed = ", ".join(names)
    if model_spec.output is None:
        raise SpecError(f'{where} gives {listed}; say with "output" in the spec which one holds the scores')
    raise SpecError(f"{where} has no output {model_spec.output!r:.80} that is a tensor; it gives {listed}")
