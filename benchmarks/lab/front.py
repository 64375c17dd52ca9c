"""The plain front of a fused LiteFPN, taught to give the features of the published one.

    python -m lab.front lite-fpn-fused --start road --data DATA --out FRONT

Plain convolutions have no ImageNet weights to start from, and too few labels here to find as good ones. So they learn
what EfficientNet-Lite0's first stages, which they stand for, give at 1/4 and 1/8 for any crop of the training pictures,
as the start's run has trained them. What comes after them in the start is kept, where it fits: `edgeseg train
lite-fpn-fused --start FRONT/checkpoint.safetensors` begins where that run ended, or nearly so.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from rich.console import Console
from torch import Tensor, nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import UsageError, WeightsError
from edgeseg.memory import keep_tensors
from edgeseg.models import build
from edgeseg.models.efficientnet_lite import EfficientNetLite
from edgeseg.models.lite_fpn import LiteFPN
from edgeseg.models.lite_fpn_fused import FRONT
from edgeseg.models.lite_fpn_nano import LiteFPNNano
from edgeseg.models.normalise import normalise
from edgeseg.train.average import Average
from edgeseg.train.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from edgeseg.train.clock import Clock
from edgeseg.train.data import TrainingSet
from edgeseg.train.display import display
from edgeseg.train.loop import STATISTICS_BATCHES
from edgeseg.train.run import Run, RunFolder
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg.train.start import Start, open_start
from edgeseg.train.statistics import measure_statistics
from edgeseg_bench.script import run_script

Network = LiteFPN | LiteFPNNano

PROGRAM = "python -m lab.front"
PUBLISHED = {"lite-fpn-fused": "lite-fpn", "lite-fpn-nano-fused": "lite-fpn-nano"}
"""The networks that are taught, each with the one that it comes of."""

PUBLISHED_FRONT = ("encoder.stem.", *(f"encoder.stages.{at}." for at in range(len(FRONT))))
"""How the names of its tensors begin, in every LiteFPN."""

CHOSEN = ("epochs", "rate", "autocast")
"""Settings that the command line takes."""


def features(encoder: EfficientNetLite, frames: Tensor) -> list[Tensor]:
    """What the first stages of an encoder give at 1/4 and 1/8."""
    given = encoder.stem(frames)
    taps = []
    for stage in list(encoder.stages)[: len(FRONT)]:
        given = stage(given)
        taps.append(given)
    return taps[1:]


def teach(net: str, start: str | Path, data: Path, out: Path, settings: TrainSettings, *, resume: bool = False) -> Run:
    """Writes into the folder `out` a checkpoint of `net` whose front gives what that of `start` does.

    Args:
        start: a bundle or weights file of the network that `net` comes of, or the checkpoint of a kindred run.
        resume: go on from the checkpoint in `out`, which is written after every epoch.

    Returns:
        The run. An epoch's loss is the mean of the squared differences, each channel's in units of its variance.

    Raises:
        UsageError: `net` has no plain front; `out` holds a run and `resume` is not set, or holds none and it is.
        BundleError: `start` is neither a file nor a bundle.
        WeightsError: it cannot be read, or is of a network without EfficientNet-Lite0's first stages; the checkpoint
            in `out` is of another run.
        DataError: the data set breaks its own rules.
        OutputError: `out` cannot be written.
    """
    if net not in PUBLISHED:
        raise UsageError(f"{net!r} has no plain front; choose one of {', '.join(PUBLISHED)}")
    folder = RunFolder(out)
    folder.check(resume)
    dataset = Dataset.open(data, "train")
    origin = open_start(start, PUBLISHED[net], 1.0, dataset.classes.names)
    examples = TrainingSet(dataset, settings)
    torch.manual_seed(settings.seed)  # for heads that files lack
    teacher = _teacher(origin, dataset, examples)
    pupil, new = _pupil(net, dataset, teacher)
    identity = {
        "net": net,
        "data": dataset.digest,
        "classes": [*dataset.classes.names],
        "program": f"{PROGRAM} {net}",
        "start": {**origin.record, "new": new},
        **{name: settings.to_json()[name] for name in CHOSEN},
    }

    front = nn.ModuleList([pupil.encoder.stem, *list(pupil.encoder.stages)[: len(FRONT)]])
    state = TrainingState(pupil, Average(pupil, settings.ema), make_optimizer(front, settings))
    folder.make()
    all_settings = {**TrainSettings().identity(), **identity}  # those of a training that are not CHOSEN do not count
    run = Run.from_json(load_checkpoint(folder.checkpoint, all_settings, state)) if resume else Run()
    lesson = _Lesson(teacher.encoder, pupil.encoder, bool(settings.autocast), next(iter(examples.batches(0, 1))).frames)
    steps, warmup = settings.epochs * examples.steps, round(settings.warmup * examples.steps)
    clock, seconds_before = Clock(run.step), run.seconds
    with display(steps, run.step) as view:
        for batch in examples.batches(run.step, steps):
            set_rate(state.optimizer, factor(run.step, steps, warmup, settings.schedule))
            loss = lesson.error(batch.frames)
            state.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            state.optimizer.step()
            state.average.update(pupil, run.step)
            run.step, run.loss, run.seconds = run.step + 1, run.loss + loss.item(), seconds_before + clock.seconds()
            speed = clock.rate(run.step) * settings.batch
            view.step(run.step, loss.item(), speed)
            if run.step % examples.steps == 0:
                view.epoch(run.end_epoch(examples.steps, state.rate(), speed, None), settings.epochs)
                save_checkpoint(folder.checkpoint, identity, run.to_json(), state)
    return run


class _Lesson:
    """How far two encoders are apart."""

    def __init__(self, teacher: EfficientNetLite, pupil: EfficientNetLite, autocast: bool, frames: Tensor) -> None:
        self._teacher, self._pupil, self._autocast = teacher, pupil, autocast
        self._variances = [each.var((0, 2, 3), keepdim=True) for each in self._expected(_prepared(frames))]

    def error(self, frames: Tensor) -> Tensor:
        """Mean squared difference of their features of frames (N, 3, H, W), in units of each channel's variance."""
        prepared = _prepared(frames)
        expected = self._expected(prepared)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            given = features(self._pupil.train(), prepared)
        pairs = zip(given, expected, self._variances, strict=True)
        return torch.stack([((one.float() - other).square() / span).mean() for one, other, span in pairs]).mean()

    @torch.no_grad()
    def _expected(self, frames: Tensor) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            return [each.float() for each in features(self._teacher, frames)]


def _prepared(frames: Tensor) -> Tensor:
    return normalise(frames).contiguous(memory_format=torch.channels_last)


def _pupil(net: str, dataset: Dataset, teacher: Network) -> tuple[Network, list[str]]:
    """`net` with what the teacher has of it, or ImageNet; and the layers that the teacher did not give."""
    pupil = cast(Network, build(net, len(dataset.classes.names)))
    pupil.load_pretrained()
    ours, theirs = pupil.state_dict(), teacher.state_dict()
    fitting = {name: tensor for name, tensor in theirs.items() if name in ours and ours[name].shape == tensor.shape}
    pupil.load_state_dict(fitting, strict=False)
    pupil.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return pupil, sorted({name.rpartition(".")[0] for name in ours.keys() - fitting.keys()})


def _teacher(origin: Start, dataset: Dataset, examples: TrainingSet) -> Network:
    """The network of a start, as it answers; BatchNorm, where it was folded away, has statistics for further training.

    Raises:
        WeightsError: its first stages are not those of EfficientNet-Lite0.
    """
    network = cast(Network, build(origin.net, len(dataset.classes.names)))
    shapes = [
        {name: tensor.shape for name, tensor in state.items() if name.startswith(PUBLISHED_FRONT)}
        for state in (network.state_dict(), LiteFPN(2).state_dict())
    ]
    if shapes[0] != shapes[1]:
        raise WeightsError(f"{origin.source} is of {origin.net}, expected the first stages of EfficientNet-Lite0")
    origin.fill(network)
    if origin.folded:
        batches = examples.batches(0, min(examples.steps, STATISTICS_BATCHES))
        measure_statistics(network, (batch.frames for batch in batches), torch.device("cpu"))
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def main(
    net: str,
    *,
    start: str,
    data: Path,
    out: Path,
    epochs: int = 60,
    rate: float = 4e-3,
    autocast: bool = False,
    resume: bool = False,
) -> None:
    """Writes a checkpoint after every epoch; prints the error of the first and of the last one.

    Args:
        net: the network that is taught, lite-fpn-fused or lite-fpn-nano-fused.
        start: a bundle or weights file of lite-fpn or lite-fpn-nano, or the checkpoint of a run of such a one.
        data: that it was trained on.
        out: the folder.
        epochs: passes over the training split.
        rate: highest learning rate.
        autocast: compute in bfloat16.
        resume: go on from the checkpoint in --out.
    """
    keep_tensors()
    settings = TrainSettings(epochs=epochs, rate=rate, scale="0.5,2.0", pretrained=False, autocast=autocast)
    run = teach(net, start, data, out, settings, resume=resume)
    first, last, hours = run.epochs[0].loss, run.epochs[-1].loss, run.seconds / 3600
    Console().print(f"{out}: error {first:.3f} in the first epoch, {last:.3f} in the last, {hours:.2f} hours")


if __name__ == "__main__":
    run_script(main, "python -m lab.front")
