"""Every knob of a training run, in one place: they are the flags of `edgeseg train` and stand in the weights file."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from edgeseg.errors import UsageError
from edgeseg.processor import most_threads

Schedule = Literal["cosine", "poly"]
Device = Literal["auto", "cpu", "cuda"]

RESUMABLE = frozenset({"accept", "checkpoint_minutes", "device", "threads", "validate_every"})
"""Settings that a resumed run may change: the weights do not depend on them."""

RANGES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("epochs batch", lambda value: value >= 1, "at least 1"),
    ("temperature", lambda value: value > 0, "a number above 0"),
    ("rate", lambda value: 0 < value <= 1e30, "a number above 0, of at most 1e+30"),  # AdamW multiplies it, in float32
    ("new_rate", lambda value: 0 < value <= 1000, "a number above 0, of at most 1000"),
    ("encoder_rate decay", lambda value: 0 <= value <= 1000, "0 to 1000"),
    ("warmup lovasz boundary auxiliary soft", lambda value: value >= 0, "at least 0"),
    ("validate_every checkpoint_minutes", lambda value: value >= 0, "at least 0"),
    ("colour focus paste class_mix", lambda value: 0 <= value <= 1, "0 to 1"),
    ("ema ohem", lambda value: 0 <= value < 1, "0 to below 1"),
    ("seed", lambda value: 0 <= value < 2**32, f"0 to {2**32 - 1}"),  # of torch's 64 bits the lower half counts steps
    ("threads", lambda value: 0 <= value <= most_threads(), f"at most {most_threads()}, or 0 for torch's own choice"),
)
"""What numbers may be; `width` is looked at by the network, which knows its own."""

LARGEST_CROP, LARGEST_SCALE = 2**26, 16
"""Pixels of a crop, as of 8192x8192, and of the random scale: a slip of the finger would else be met by whatever runs
out of memory first."""


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        epochs: passes over the training split.
        batch: crops per step.
        crop: size of a crop as WIDTHxHEIGHT, in pixels; "full" takes the size of the data's frames.
        rate: highest learning rate (AdamW).
        encoder_rate: learning rate of a pretrained encoder, as a fraction of `rate`.
        new_rate: learning rate of layers that --start did not give, such as a new head, as a multiple of `rate`.
        decay: AdamW's weight decay; BatchNorm and biases have none.
        warmup: epochs of linear warm-up.
        schedule: what follows the warm-up: "cosine", or "poly" with power 0.9.
        scale: range of the random scale as LOW,HIGH.
        colour: strength of the colour and gamma jitter, 0 (none) to 1.
        focus: probability that a crop is drawn around a pixel of a rare class.
        paste: probability that a crop gets the pixels of rare classes (poles, signs, people) of another frame's.
        class_mix: probability that half of the classes of another frame's crop are put over a crop (ClassMix).
        class_weights: weigh class c by 1 / ln(1.10 + p_c), p_c its share of the pixels (ENet, Paszke et al. 2016).
        ohem: keep only pixels whose true class has a probability under this (and the hardest 1/16); 0 keeps all.
        lovasz: weight of the Lovasz-softmax loss beside the cross-entropy; 0 leaves it out.
        boundary: how much more the pixels next to another class (at most 2 away) weigh in the cross-entropy.
        auxiliary: weight of the auxiliary heads' loss, if the network has some.
        soft: weight of the loss against a teacher's logits (--teacher).
        temperature: temperature of that loss: both logits are divided by it.
        ema: decay of the moving average of the weights, which the weights file holds; 0 gives the last weights.
        width: width of the network, as a fraction of its paper's.
        pretrained: start from ImageNet's weights if there are any for the network.
        seed: seed of the initial weights, the order and the augmentation.
        validate_every: epochs between two validations on the val split (for the curve only); 0 for none.
        checkpoint_minutes: minutes between two checkpoints.
        device: "auto" takes CUDA when it is there.
        autocast: bfloat16 autocast; by default where the device has it: x86 with AVX512-BF16 or AMX, CUDA from Ampere
            on.
        threads: torch's threads; 0 lets torch choose.
        accept: train although a class has no labelled pixel, or more than 90 % of the pixels are ignored.
    """

    epochs: int = 100
    batch: int = 8
    crop: str = "full"
    rate: float = 1e-3
    encoder_rate: float = 0.5
    new_rate: float = 1.0
    decay: float = 0.01
    warmup: float = 1.0
    schedule: Schedule = "cosine"
    scale: str = "0.7,2.0"
    colour: float = 0.5
    focus: float = 0.5
    paste: float = 0.0
    class_mix: float = 0.0
    class_weights: bool = True
    ohem: float = 0.0
    lovasz: float = 0.0
    boundary: float = 0.0
    auxiliary: float = 0.4
    soft: float = 1.0
    temperature: float = 2.0
    ema: float = 0.998
    width: float = 1.0
    pretrained: bool = True
    seed: int = 0
    validate_every: int = 5
    checkpoint_minutes: float = 3.0
    device: Device = "auto"
    autocast: bool | None = None
    threads: int = 0
    accept: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"{name} is {value}, expected a finite number")
        for names, holds, expected in RANGES:
            for name in names.split():
                value = getattr(self, name)
                if not holds(value):
                    raise UsageError(f"{name} is {value}, expected {expected}")
        if self.schedule not in get_args(Schedule):
            raise UsageError(f"schedule is {self.schedule!r}, expected {' or '.join(get_args(Schedule))}")
        self.scale_range()
        self.crop_size((1, 1))

    def scale_range(self) -> tuple[float, float]:
        """The random scale's bounds."""
        try:
            low, high = (float(bound) for bound in self.scale.split(","))
        except ValueError:
            low, high = 0.0, 0.0
        if not 0 < low <= high <= LARGEST_SCALE:
            raise UsageError(
                f"scale is {self.scale!r:.40}, expected LOW,HIGH such as 0.5,2.0, of at most {LARGEST_SCALE}"
            )
        return low, high

    def crop_size(self, frame: tuple[int, int]) -> tuple[int, int]:
        """Width and height of a crop, for frames of that width and height."""
        if self.crop == "full":
            return frame
        try:
            width, height = (int(side) for side in self.crop.split("x"))
        except ValueError:
            width, height = 0, 0
        if min(width, height) < 1 or width * height > LARGEST_CROP:
            raise UsageError(
                f"crop is {self.crop!r:.40}, expected WIDTHxHEIGHT such as 480x360, of at most {LARGEST_CROP} pixels, "
                "or full"
            )
        return width, height

    def validates(self, epoch: int) -> bool:
        """Whether the val split is measured after that epoch, counted from 1."""
        return self.validate_every > 0 and (epoch % self.validate_every == 0 or epoch == self.epochs)

    def identity(self) -> dict[str, Any]:
        """The settings that a run keeps for its whole length."""
        return {key: value for key, value in self.to_json().items() if key not in RESUMABLE}

    def to_json(self) -> dict[str, Any]:
        """All settings as a JSON object."""
        return asdict(self)
