"""The network as it came: the reference of every conversion from somebody else's ONNX."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg import kernels
from edgeseg.engines import first_line
from edgeseg.errors import ExportError, SpecError
from edgeseg.ort import ort
from edgeseg.spec import Grid, Head, Spec
from edgeseg_export.foreign.head import CHOICES, Range, find_head
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.open_onnx import tensor_outputs
from edgeseg_export.foreign.other_tasks import refuse_other_tasks
from edgeseg_export.foreign.tail import RESIZING, SQUASHING, Tail, candidates, find_tail
from edgeseg_export.foreign.wrap import LEVELS, channels_last, frame_input
from edgeseg_export.frames import sample_frames

TIE = 1e-6
"""Of a class's largest score: what float32 rounds when scores are resized."""

UNREADABLE = ("bfloat16", "float8", "float4", "int4")
"""Kinds of numbers that NumPy lacks, so that ONNX Runtime cannot give them out."""


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
    """

    def __init__(self, model: onnx.ModelProto, model_spec: ModelSpec, where: str) -> None:
        """Runs it once, to find its logits.

        Raises:
            SpecError: the spec does not fit it.
            ExportError: it cannot be run, or ends in what cannot be undone.
        """
        self.model, self.model_spec, self.where = model, model_spec, where
        picture = frame_input(model, model_spec, where)
        if picture.type.tensor_type.elem_type in LEVELS:  # a picture's own levels, whatever range the spec says
            model_spec = self.model_spec = replace(model_spec, preparation=replace(model_spec.preparation, range=255))
        self._input = picture.name
        self._channels_last = channels_last(picture)
        self._kind = helper.tensor_dtype_to_np_dtype(picture.type.tensor_type.elem_type)
        self._refuse_other_tasks()
        self.output = _output(model, model_spec, where)
        chain = candidates(model, self.output)
        self._names = list(dict.fromkeys([self.output, *(str(node.input[0]) for node in chain)]))
        self._session = open_session(model, self._names, where)
        tensors = self(np.zeros((1, model_spec.spec.height, model_spec.spec.width, 3), np.uint8))
        self.tail: Tail = find_tail(chain, self.output, tensors, model_spec, where)
        channels = self.tail.scores(tensors).shape[1]
        self._picture = self.tail.ids or next(name for name in self._names if _is_whole(tensors[name].shape, channels))
        computed = chain[self._names.index(self._picture) : len(self.tail.undone)]  # between the logits and the picture
        self._squashed = any(node.op_type == "Sigmoid" for node in computed)
        self.dtype = tensors[self.tail.logits].dtype
        self.head = self._find_head()
        self.grid = self._find_grid()

    def __call__(self, tensor: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The output and the tensors before it that may be the logits, of frames uint8 (1, H, W, 3) in BGR."""
        prepared = self.model_spec.preparation(tensor).astype(self._kind)
        if self._channels_last:
            prepared = np.ascontiguousarray(prepared.transpose(0, 2, 3, 1))
        try:
            return dict(zip(self._names, self._session.run(self._names, {self._input: prepared}), strict=True))
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            size = f"{tensor.shape[2]}x{tensor.shape[1]}"
            reason = f"{self.where} fails on a {size} input ({first_line(error)})"
            raise ExportError(f"{reason}; is that the network's size?") from error

    @property
    def spec(self) -> Spec:
        """Of the bundle, with what was found of the head and the grid."""
        return replace(self.model_spec.spec, head=self.head, grid=self.grid)

    @property
    def notes(self) -> list[str]:
        """What was found that the spec does not say, a sentence each."""
        sentences = []
        if self.head.kind == "binary" and self.model_spec.threshold is None:
            sentences.append(
                f"its one channel holds {self.head.values}, and is class 1 above {self.head.threshold:g}"
                ' ("values" and "threshold" in the spec say otherwise)'
            )
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

    def mask(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None = None) -> NDArray[Any]:
        """Class ids (h, w) of the network's own output, by its own rule, as its users take them.

        Of labels that may overlap, bool (L, h, w): where each is above its threshold.

        Args:
            tensors: what a call gave.
            size: height and width that scores are resized to first, as `interpolate` does it; None for none.
        """
        if self.tail.ids is not None:
            return np.squeeze(tensors[self.tail.ids])
        if self.head.exclusive:
            ids: NDArray[Any] = self._scores(tensors, size).argmax(0)
            return ids
        own: NDArray[Any] = self._shown(tensors, size) > self._own_threshold
        return own if self.model_spec.channels is None else own[list(self.model_spec.channels)]

    def ties(
        self, tensors: dict[str, NDArray[Any]], ids: NDArray[Any], size: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Where class ids (h, w) score as high as those of `mask`, but for rounding: scores of few levels often tie.

        Nowhere if it gives class ids itself, or labels that may overlap.
        """
        if self.tail.ids is not None or not self.head.exclusive:
            return np.zeros(ids.shape, np.bool_)
        scores = self._scores(tensors, size)
        rounding = TIE * np.abs(scores).max((1, 2))  # of each class: one that never wins may have -1e4
        chosen = np.take_along_axis(scores, ids[None].astype(np.int64), 0)[0]
        tied: NDArray[np.bool_] = chosen >= scores.max(0) - np.maximum(rounding[ids], rounding[scores.argmax(0)])
        return tied

    def _shown(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None) -> NDArray[np.float32]:
        """The picture of its own scores, (C, h, w), resized to `size`."""
        picture: NDArray[np.float32] = tensors[self._picture].astype(np.float32)
        picture = picture if picture.ndim == 3 else picture[0]
        channels = self.tail.scores(tensors).shape[1]
        if len(picture) != channels or (self.tail.last and picture.shape[-1] == channels):  # (h, w, C)
            picture = np.moveaxis(picture, -1, 0)
        if size is not None:
            picture = np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in picture])
        return picture

    def _scores(self, tensors: dict[str, NDArray[Any]], size: tuple[int, int] | None) -> NDArray[np.float32]:
        """The same as scores of the classes, of which the highest wins: one that holds where none is above has 0."""
        shown = self._shown(tensors, size)
        if self.head.kind == "classes":
            return shown
        above = shown - np.float32(self._own_threshold)
        return np.concatenate([np.zeros_like(above[:1]), above])

    @property
    def resizes_scores(self) -> bool:
        """Whether users resize the scores of its own output: it is smaller than its input, and holds no ids yet."""
        undone = set(self.tail.names)
        return self.tail.ids is None and not undone & {*RESIZING, *SQUASHING}

    @property
    def _own_threshold(self) -> float:
        """Of the picture of its own scores, which may be the sigmoid of the channels."""
        if self._squashed:
            return float(1 / (1 + np.exp(-self.head.threshold)))
        return self.head.threshold

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
        outputs = [self.channels(self(kernels.resize(frame, spec.width, spec.height)[None])) for frame in _probes()]
        self._refuse_infinite(outputs)
        self._values = Range.of([channels[0] for channels in outputs])
        names = self.tail.names
        return find_head(self._values, outputs[0].shape[1], self.model_spec, undone=names, where=self.where)

    def _refuse_infinite(self, outputs: list[NDArray[np.float32]]) -> None:
        """Names the channels that hold infinity or NaN, of which no class can be chosen."""
        finite = np.array([np.isfinite(channels).all(axis=(0, 2, 3)) for channels in outputs])
        if finite[:-2].all() and not finite.all():  # all but the black and the white one of _probes
            raise ExportError(
                f"{self.where} gives infinity or NaN for a frame that is all black or white, as of a covered camera; "
                "if it divides by the range of its own values, add a small number to the divisor and export it again"
            )
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

    def _refuse_other_tasks(self) -> None:
        """Runs a frame, to see whether the outputs are those of a network for another task."""
        self._names = tensor_outputs(self.model)
        self._session = open_session(self.model, self._names, self.where)
        spec = self.model_spec.spec
        frame = kernels.resize(sample_frames(None)[0], spec.width, spec.height)
        shapes = {name: found.shape for name, found in self(frame[None]).items()}
        size = spec.height, spec.width
        refuse_other_tasks(shapes, size, self.model_spec.labels, self.model_spec.output, self.where)


def open_session(model: onnx.ModelProto, names: list[str], where: str) -> ort.InferenceSession:
    """A session of a model in which the tensors `names` can be asked for.

    Raises:
        ExportError: ONNX Runtime refuses it, or gives such a tensor in numbers that NumPy lacks.
    """
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    given = {value.name for value in exposed.graph.output}
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in given)
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, and said once
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never its own format
    try:
        content = exposed.SerializeToString()
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
        reason = f"{where} is refused by ONNX Runtime: {first_line(error)}"
        raise ExportError(f"{reason}; export it again") from error
    for tensor in session.get_outputs():
        if tensor.name in names and any(kind in tensor.type for kind in UNREADABLE):
            found = f"{where} computes {tensor.name:.80} as {tensor.type}"
            raise ExportError(f"{found}, which cannot be read here; export it in float32")
    return session


def _probes() -> list[NDArray[np.uint8]]:
    """Frames that show what a network can give: streets, noise, black and white."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    return [*sample_frames(None), noise, np.zeros_like(noise), np.full_like(noise, 255)]


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
