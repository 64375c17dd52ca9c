"""The training run: read `train` from the top, and open the other files where it names them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgeseg.accuracy.dataset import Dataset, has_split
from edgeseg.accuracy.survey import Survey
from edgeseg.errors import DataError, TrainingError
from edgeseg.interrupt import Interrupted, interruptible
from edgeseg.models import find
from edgeseg.models.normalise import normalise
from edgeseg.models.weights import save_weights
from edgeseg.progress import progress_bar
from edgeseg.spec import Spec
from edgeseg.terminal import shown_name
from edgeseg.train.batch_of_one import check_batch_of_one
from edgeseg.train.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from edgeseg.train.clock import Clock
from edgeseg.train.data import Batch, TrainingSet
from edgeseg.train.device import hardware, prepare_device, uses_autocast
from edgeseg.train.display import display
from edgeseg.train.losses import SegmentationLoss, class_weights
from edgeseg.train.run import CHECKPOINT, CURVE, LOG, WEIGHTS, Run, RunFolder
from edgeseg.train.schedule import factor, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg.train.soft_targets import SoftTargets
from edgeseg.train.start import initial_network
from edgeseg.train.statistics import measure_statistics
from edgeseg.train.teacher import Teacher
from edgeseg.train.validate import validate

__all__ = ["CHECKPOINT", "CURVE", "LOG", "WEIGHTS", "train"]

STATISTICS_BATCHES = 64
"""At most so many batches are looked at to set BatchNorm up for weights that it was folded into."""


def train(
    net: str,
    data: Path,
    out: Path,
    settings: TrainSettings,
    *,
    name: str | None = None,
    licence: str = "not stated",
    start: str | Path | None = None,
    teachers: Sequence[str] = (),
    resume: bool = False,
) -> Path:
    """Trains `net` on the train split of `data`; writes weights, log, curve and checkpoints into the folder `out`.

    Args:
        name: of the network in its spec; its architecture's without one.
        licence: of the weights, with that of the data; goes into the spec.
        start: what to fine-tune: a bundle by name or path, or the weights file or checkpoint of another run. Whatever
            fits is loaded, and the record says what did not.
        teachers: bundles, by name or path, whose logits, or the mean of theirs, are soft targets beside the labels.
        resume: go on with the run in `out`; it ends with the same weights as one that was never stopped.

    Returns:
        The weights file, for `edgeseg export`.

    Raises:
        UsageError: no such network; `out` holds a run and `resume` is not set, or holds none and it is; a teacher
            has other classes.
        BundleError: the start or a teacher is no bundle with an fp32 artifact.
        DataError: the data set breaks its own rules.
        SpecError: the name or the licence is none.
        WeightsError: `start` or the checkpoint in `out` does not fit.
        TrainingError: the loss is no longer finite.
        OutputError: `out` cannot be written.
        KeyboardInterrupt: by Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    strides, folder = find(net).strides, RunFolder(out)
    folder.check(resume)
    dataset = Dataset.open(data, "train")
    spec = _spec(name or net, dataset, strides[0], licence)  # before the work: a name or licence may be none
    height, width = dataset.frame(0).shape[:2]
    device = prepare_device(settings)
    autocast = uses_autocast(settings, device)
    settings = replace(settings, autocast=autocast)  # on another machine a resumed run computes as it began
    network, origin, folded = initial_network(net, dataset.classes.names, settings, start)
    if settings.batch == 1:
        check_batch_of_one(net, network, settings.crop_size((width, height)))
    taught_by = [Teacher(teacher, dataset.classes.names, (width, height)) for teacher in teachers]
    examples = TrainingSet(dataset, settings)  # takes long, so whatever else may be wrong comes before
    validation = _validation(data, settings)

    sources = {"start": origin, "teachers": [teacher.about for teacher in taught_by]}
    identity = {"net": net, "data": dataset.digest, **{key: record for key, record in sources.items() if record}}
    folder.make()
    soft = SoftTargets(taught_by, examples.samples, settings, folder.path) if taught_by else None
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if folded and not resume:
        batches = examples.batches(0, min(examples.steps, STATISTICS_BATCHES))
        measure_statistics(network, (batch.frames for batch in batches), device)
    state = TrainingState.of(network, settings, origin.get("new", ()))
    loss_of = _loss(settings, examples, strides).to(device)

    resumable = {**identity, "classes": [*dataset.classes.names], **settings.identity()}
    run = Run.from_json(load_checkpoint(folder.checkpoint, resumable, state)) if resume else Run()
    steps, warmup = settings.epochs * examples.steps, round(settings.warmup * examples.steps)
    clock, seconds_before = Clock(run.step), run.seconds
    with interruptible() as interrupted, display(steps, run.step) as view:
        for batch in examples.batches(run.step, steps):
            set_rate(state.optimizer, factor(run.step, steps, warmup, settings.schedule))
            torch.manual_seed((settings.seed << 32) + run.step)  # so dropout is the same after a resume
            loss = _step(state, loss_of, soft, batch, device, autocast)
            state.average.update(network, run.step)
            run.step, run.loss, run.seconds = run.step + 1, run.loss + loss, seconds_before + clock.seconds()
            speed = clock.rate(run.step) * settings.batch
            view.step(run.step, loss, speed)
            if run.step % examples.steps == 0:
                miou = None
                if validation is not None and settings.validates(run.step // examples.steps):
                    with clock.paused():
                        miou = validate(state.average.network, strides[0], validation, device)
                view.epoch(run.end_epoch(examples.steps, state.rate(), speed, miou), settings.epochs)
                folder.write_history(run.epochs, f"{net} on {shown_name(data)}")
            if run.step == steps or interrupted or clock.since_checkpoint() > 60 * settings.checkpoint_minutes:
                save_checkpoint(folder.checkpoint, resumable, run.to_json(), state)
                clock.checkpoint()
            if interrupted:
                raise Interrupted(interrupted[0])

    record: dict[str, Any] = {
        **identity,
        "settings": settings.to_json(),
        "hardware": hardware(device, autocast),
        "hours": round(run.seconds / 3600, 3),
        "log": [asdict(epoch) for epoch in run.epochs],
    }
    best = state.average.network if settings.ema else network
    save_weights(folder.weights, best.cpu(), net, settings.width, spec, record)
    return folder.weights


def _loss(settings: TrainSettings, examples: TrainingSet, strides: tuple[int, ...]) -> SegmentationLoss:
    weights = class_weights(examples.shares) if settings.class_weights else None
    return SegmentationLoss(weights, settings.ohem, settings.lovasz, settings.auxiliary, strides, settings.boundary)


def _step(
    state: TrainingState,
    loss_of: SegmentationLoss,
    soft: SoftTargets | None,
    batch: Batch,
    device: torch.device,
    autocast: bool,
) -> float:
    """Loss, gradients, new weights; returns the loss."""
    state.network.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
        frames = normalise(batch.frames.to(device)).contiguous(memory_format=torch.channels_last)
        outputs: Tensor | tuple[Tensor, Tensor] = state.network(frames)
    loss: Tensor = loss_of(outputs, batch.labels.to(device))
    if soft is not None:
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        loss = loss + soft.loss(first, loss_of.strides[0], batch)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"the loss is {value}: the training diverged; lower --rate, or give --no-autocast")
    state.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    state.optimizer.step()
    return value


def _validation(data: Path, settings: TrainSettings) -> Dataset | None:
    """The val split, where there is one; read once, as a fault in it would else end the run epochs later.

    Raises:
        DataError: it breaks the data set's rules, or has no pixel that counts.
    """
    if not settings.validate_every or not has_split(data, "val"):
        return None
    validation = Dataset.open(data, "val")
    survey = Survey(validation.classes)
    with progress_bar("read val", total=len(validation)) as progress:
        for done, (_, label) in enumerate(validation, start=1):
            survey.add(label)
            progress(done)
    if survey.ignored == 1:
        raise DataError(f"{data}: every pixel of val is ignored; correct its masks, or give --validate-every 0")
    return validation


def _spec(name: str, dataset: Dataset, stride: int, licence: str) -> Spec:
    """The spec of a network that was trained on this data, for frames of the data's size."""
    height, width = dataset.load(0)[1].shape
    return Spec(
        name=name,
        width=width,
        height=height,
        resize="stretch",
        stride=stride,
        classes=dataset.classes.names,
        palette=dataset.classes.palette,
        ignore=dataset.classes.ignore,
        licence=licence,
    )
