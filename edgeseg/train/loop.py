"""The training run: read `train` from the top, and open the other files where it names them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeRemainingColumn
from torch import Tensor, nn

from edgeseg.accuracy.dataset import Dataset, has_split
from edgeseg.errors import OutputError, TrainingError, UsageError
from edgeseg.models import Pretrained, build, find
from edgeseg.models.normalise import normalise
from edgeseg.models.weights import save_weights
from edgeseg.processor import processor
from edgeseg.spec import Spec
from edgeseg.train.average import Average
from edgeseg.train.checkpoint import load_checkpoint, save_checkpoint, start_from
from edgeseg.train.clock import Clock
from edgeseg.train.data import TrainingSet
from edgeseg.train.history import Epoch, draw_curve, write_log
from edgeseg.train.interrupt import interruptible
from edgeseg.train.losses import SegmentationLoss, class_weights
from edgeseg.train.memory import keep_freed_memory
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg.train.teacher import Teacher
from edgeseg.train.validate import validate

CHECKPOINT, LOG, CURVE, WEIGHTS = "checkpoint.safetensors", "log.csv", "curve.png", "weights.safetensors"
FREE = {"checkpoint_minutes", "device", "threads", "validate_every"}
"""Settings that a resumed run may change: the weights do not hang on them."""


@dataclass
class Run:
    """How far a run has come; saved in every checkpoint.

    Attributes:
        step: steps done.
        loss: sum of the losses of the epoch that is under way.
        seconds: spent on steps, over all processes that had a part in the run; validation left out.
        epochs: the rows of the log.
    """

    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    epochs: list[Epoch] = field(default_factory=list)


def train(
    net: str,
    data: Path,
    out: Path,
    settings: TrainSettings,
    *,
    name: str | None = None,
    licence: str = "not stated",
    start: Path | None = None,
    teacher: str | None = None,
    resume: bool = False,
) -> Path:
    """Trains `net` on the train split of `data`; writes weights, log, curve and checkpoints into the folder `out`.

    Args:
        name: of the network in its spec; its architecture's without one.
        licence: of the weights, with that of the data; goes into the spec.
        start: checkpoint of another run; whatever fits is taken from it, with the record of how it came about.
        teacher: a bundle, by name or path, whose logits are soft targets beside the labels.
        resume: go on with the run in `out`; it ends with the same weights as one that was never stopped.

    Returns:
        The weights file, for `edgeseg export`.

    Raises:
        UsageError: no such network; `out` holds a run and `resume` is not set, or holds none and it is; the teacher
            has other classes, or frames that are not of the crops' size.
        BundleError: the teacher is no bundle with an fp32 artifact.
        DataError: the data set breaks its own rules.
        WeightsError: `start` or the checkpoint in `out` does not fit.
        TrainingError: the loss is no longer finite.
        OutputError: `out` cannot be written.
        KeyboardInterrupt: by Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    factory = find(net)
    _check_out(out, resume)
    dataset = Dataset.open(data, "train")
    examples = TrainingSet(dataset, settings)
    validation = _validation(data, settings)
    device = _device(settings)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    keep_freed_memory()

    torch.manual_seed(settings.seed)
    network = build(net, len(dataset.classes.names), settings.width)
    if settings.pretrained and hasattr(network, "load_pretrained"):
        cast(Pretrained, network).load_pretrained()
    started = {} if start is None else {"start": start_from(start, network)}
    tutor = None if teacher is None else Teacher(teacher, dataset.classes.names, examples.crop, settings)
    taught = {} if tutor is None else {"teacher": tutor.about}
    _make(out)
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, settings.ema)
    optimizer = make_optimizer(network, settings)
    weights = class_weights(examples.shares) if settings.class_weights else None
    loss_of = SegmentationLoss(weights, settings.ohem, settings.lovasz, settings.auxiliary, factory.strides).to(device)

    about: dict[str, Any] = {"net": net, "settings": settings.to_json(), "data": dataset.digest, **started, **taught}
    fixed = {key: value for key, value in settings.to_json().items() if key not in FREE}
    identity = {"net": net, "data": about["data"], **fixed, **started, **taught}
    run = Run()
    if resume:
        saved = load_checkpoint(out / CHECKPOINT, identity, network, average.state, optimizer)
        run = Run(saved["step"], saved["loss"], saved["seconds"], [Epoch(**row) for row in saved["epochs"]])
    steps, warmup = settings.epochs * examples.steps, round(settings.warmup * examples.steps)
    clock, before = Clock(run.step), run.seconds

    with interruptible() as interrupted, _progress(steps, run.step) as progress:
        for frames, labels in examples.batches(run.step, steps):
            set_rate(optimizer, factor(run.step, steps, warmup, settings.schedule))
            torch.manual_seed((settings.seed << 32) + run.step)  # so dropout is the same after a resume
            loss = _step(network, loss_of, tutor, optimizer, frames.to(device), labels.to(device), settings.autocast)
            average.update(network, run.step)
            run.step, run.loss, run.seconds = run.step + 1, run.loss + loss, before + clock.seconds()
            speed = clock.rate(run.step) * settings.batch
            progress.update(TaskID(0), completed=run.step, text=f"loss {loss:.3f}  {speed:.1f} images/s")
            if run.step % examples.steps == 0:
                number = run.step // examples.steps
                miou = None
                if validation is not None and (number % settings.validate_every == 0 or run.step == steps):
                    with clock.paused():
                        miou = validate(average.network, factory.strides[0], validation, device)
                rate = max(group["lr"] for group in optimizer.param_groups)
                run.epochs.append(Epoch(number, run.loss / examples.steps, rate, round(speed, 2), miou))
                run.loss = 0.0
                write_log(out / LOG, run.epochs)
                draw_curve(out / CURVE, run.epochs, f"{net} on {data.name}")
                progress.console.print(_line(run.epochs[-1], settings.epochs))
            if run.step == steps or interrupted or clock.since_checkpoint() > 60 * settings.checkpoint_minutes:
                save_checkpoint(out / CHECKPOINT, identity, asdict(run), network, average.state, optimizer)
                clock.checkpoint()
            if interrupted:
                raise KeyboardInterrupt

    spec = _spec(name or net, dataset, factory.strides[0], licence)
    kept = average.network if settings.ema else network
    spent = {"hardware": _hardware(device), "hours": round(run.seconds / 3600, 3)}
    record = {**about, **spent, "log": [asdict(epoch) for epoch in run.epochs]}
    save_weights(out / WEIGHTS, kept.cpu(), net, settings.width, spec, record)
    return out / WEIGHTS


def _step(
    network: nn.Module,
    loss_of: SegmentationLoss,
    tutor: Teacher | None,
    optimizer: torch.optim.Optimizer,
    frames: Tensor,
    labels: Tensor,
    autocast: bool,
) -> float:
    network.train()
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=autocast):
        outputs = network(normalise(frames).contiguous(memory_format=torch.channels_last))
    loss: Tensor = loss_of(outputs, labels)
    if tutor is not None:
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        loss = loss + tutor.loss(first, loss_of.strides[0], frames, labels)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"the loss is {value}: the training diverged; lower --rate, or give --no-autocast")
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    return value


def _check_out(out: Path, resume: bool) -> None:
    holds = (out / CHECKPOINT).exists()
    if holds and not resume:
        raise UsageError(f"{out} holds a run; give --resume to go on with it, or another --out")
    if resume and not holds:
        raise UsageError(f"{out} holds no {CHECKPOINT} to resume from; leave --resume out to start a run there")


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {out}: {error.strerror}; choose another --out") from error


def _validation(data: Path, settings: TrainSettings) -> Dataset | None:
    """The val split, where there is one."""
    if not settings.validate_every or not has_split(data, "val"):
        return None
    return Dataset.open(data, "val")


def _device(settings: TrainSettings) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda was asked for, but torch sees no CUDA device; give --device cpu or auto")
    return torch.device("cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu")


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{processor()}, {torch.get_num_threads()} threads"


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


@contextmanager
def _progress(steps: int, done: int) -> Iterator[Progress]:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "{task.fields[text]}")
    with Progress(*columns, console=Console(stderr=True)) as progress:
        progress.add_task("train", total=steps, completed=done, text="")
        yield progress


def _line(epoch: Epoch, epochs: int) -> str:
    measured = "" if epoch.val_miou is None else f"  val mIoU {epoch.val_miou:.2f} %"
    return f"epoch {epoch.epoch}/{epochs}  loss {epoch.loss:.4f}  {epoch.images_per_second:.1f} images/s{measured}"
