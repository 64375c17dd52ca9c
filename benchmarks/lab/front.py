"""The plain front of a fused LiteFPN, taught to give the features of the published one.

    python -m lab.front lite-fpn-fused --start road --data DATA --out FRONT

Plain convolutions have no ImageNet weights to start from, and too few labels here to find as good ones. So they learn
what EfficientNet-Lite0's first stages, which they stand for, give at 1/4 and 1/8 for any crop of the training pictures,
as the start's run has trained them. What comes after them in the start is kept, where it fits: `edgeseg train
lite-fpn-fused --start FRONT/checkpoint.safetensors` begins where that run ended, or nearly so.
"""

from __future__ import annotations

import time
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
from edgeseg.train.checkpoint import TrainingState, save_checkpoint
from edgeseg.train.data import TrainingSet
from edgeseg.train.loop import STATISTICS_BATCHES
from edgeseg.train.run import CHECKPOINT, Run
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


def teach(net: str, start: str | Path, data: Path, out: Path, settings: TrainSettings) -> Run:
    """Writes into the folder `out` a checkpoint of `net` whose front gives what that of `start` does.

    Args:
        start: a bundle or weights file of the network that `net` comes of, or the checkpoint of a kindred run.

    Returns:
        The run. An epoch's loss is the mean of the squared differences, each channel's in units of its variance.

    Raises:
        UsageError: `net` has no plain front.
        BundleError: `start` is neither a file nor a bundle.
        WeightsError: it cannot be read, or is of a network without EfficientNet-Lite0's first stages.
        DataError: the data set breaks its own rules.
    """
    if net not in PUBLISHED:
        raise UsageError(f"{net!r} has no plain front; choose one of {', '.join(PUBLISHED)}")
    dataset = Dataset.open(data, "train")
    origin = open_start(start, PUBLISHED[net], 1.0, dataset.classes.names)
    examples = TrainingSet(dataset, settings)
    teacher = _teacher(origin, dataset, examples)
    torch.manual_seed(settings.seed)
    network = cast(Network, build(net, len(dataset.classes.names)))
    network.load_pretrained()  # the blocks that the start lacks
    ours, theirs = network.state_dict(), teacher.state_dict()
    fitting = {name: tensor for name, tensor in theirs.items() if name in ours and ours[name].shape == tensor.shape}
    network.load_state_dict(fitting, strict=False)

    steps, warmup = settings.epochs * examples.steps, round(settings.warmup * examples.steps)
    front = nn.ModuleList([network.encoder.stem, *list(network.encoder.stages)[: len(FRONT)]])
    state = TrainingState(network, Average(network, settings.ema), make_optimizer(front, settings))
    for each in (network, teacher):
        each.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    spans: list[Tensor] = []
    run, began = Run(), time.monotonic()
    for run.step, batch in enumerate(examples.batches(0, steps), 1):
        set_rate(state.optimizer, factor(run.step - 1, steps, warmup, settings.schedule))
        frames = normalise(batch.frames).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(settings.autocast)):
            with torch.no_grad():
                expected = [each.float() for each in features(teacher.encoder, frames)]
            given = features(network.encoder.train(), frames)
        spans = spans or [each.var((0, 2, 3), keepdim=True) for each in expected]
        pairs = zip(given, expected, spans, strict=True)
        loss = torch.stack([((one.float() - other).square() / span).mean() for one, other, span in pairs]).mean()
        state.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        state.optimizer.step()
        state.average.update(network, run.step - 1)
        run.loss += loss.item()
        if run.step % examples.steps == 0:
            run.seconds = time.monotonic() - began
            run.end_epoch(examples.steps, state.rate(), settings.batch * run.step / run.seconds, None)
    identity = {
        "net": net,
        "data": dataset.digest,
        "program": f"{PROGRAM} {net}",
        "start": {**origin.record, "new": sorted({name.rpartition(".")[0] for name in ours.keys() - fitting.keys()})},
        **{name: settings.to_json()[name] for name in CHOSEN},
    }
    out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(out / CHECKPOINT, identity, run.to_json(), state)
    return run


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
    return network.eval()


def main(
    net: str, *, start: str, data: Path, out: Path, epochs: int = 60, rate: float = 4e-3, autocast: bool = False
) -> None:
    """Writes the checkpoint, and prints the error of the first and of the last epoch.

    Args:
        net: the network that is taught, lite-fpn-fused or lite-fpn-nano-fused.
        start: a bundle or weights file of lite-fpn or lite-fpn-nano, or the checkpoint of a run of such a one.
        data: that it was trained on.
        out: the folder.
        epochs: passes over the training split.
        rate: highest learning rate.
        autocast: compute in bfloat16.
    """
    keep_tensors()
    settings = TrainSettings(epochs=epochs, rate=rate, scale="0.5,2.0", pretrained=False, autocast=autocast)
    run = teach(net, start, data, out, settings)
    first, last, hours = run.epochs[0].loss, run.epochs[-1].loss, run.seconds / 3600
    Console().print(f"{out}: error {first:.3f} in the first epoch, {last:.3f} in the last, {hours:.2f} hours")


if __name__ == "__main__":
    run_script(main, "python -m lab.front")
