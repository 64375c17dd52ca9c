"""The plain front of a fused LiteFPN, taught to give the features of the published one.

    python -m lab.front lite-fpn-fused --start road --data DATA --out FRONT

Plain convolutions have no ImageNet weights to start from, and too few labels here to find as good ones. So they learn
what EfficientNet-Lite0's first stages, which they stand for, give at 1/4 and 1/8 for any crop of the training pictures,
as the start's run has trained them. What comes after them in the start is kept, where it fits: `edgeseg train
lite-fpn-fused --start FRONT/checkpoint.safetensors` begins where that run ended, or nearly so.
"""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import UsageError
from edgeseg.memory import keep_tensors
from edgeseg.models.lite_fpn_fused import FRONT
from edgeseg.train.average import Average
from edgeseg.train.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from edgeseg.train.clock import Clock
from edgeseg.train.data import TrainingSet
from edgeseg.train.display import display
from edgeseg.train.run import Run, RunFolder
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg.train.start import open_start
from edgeseg_bench.script import run_script
from lab.front_lesson import Lesson, pupil_of, teacher_of

PROGRAM = "python -m lab.front"
PUBLISHED = {"lite-fpn-fused": "lite-fpn", "lite-fpn-nano-fused": "lite-fpn-nano"}
"""The networks that are taught, each with the one that it comes of."""

CHOSEN = ("epochs", "rate", "autocast")
"""Settings that the command line takes."""


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
    teacher = teacher_of(origin, dataset, examples)
    pupil, new = pupil_of(net, dataset, teacher)
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
    lesson = Lesson(teacher.encoder, pupil.encoder, bool(settings.autocast), next(iter(examples.batches(0, 1))).frames)
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
