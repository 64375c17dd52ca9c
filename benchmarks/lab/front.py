"""The plain front of LiteFPN-fused, taught to give the features of the published one.

    python -m lab.front --start RUN/checkpoint.safetensors --data DATA --out FRONT

Plain convolutions have no ImageNet weights to start from, and too few labels here to find as good ones. So they learn
what EfficientNet-Lite0's first stages, which they stand for, give at 1/4 and 1/8 for any crop of the training pictures,
as the checkpoint's run has trained them. What comes after them in the checkpoint is kept, where it fits LiteFPN-fused:
`edgeseg train lite-fpn-fused --start FRONT/checkpoint.safetensors` begins where that run ended, or nearly so.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import WeightsError
from edgeseg.memory import keep_tensors
from edgeseg.models.efficientnet_lite import LITE0, EfficientNetLite
from edgeseg.models.lite_fpn_fused import LiteFPNFused
from edgeseg.models.normalise import normalise
from edgeseg.train.average import Average
from edgeseg.train.checkpoint import TrainingState, averaged_weights, save_checkpoint
from edgeseg.train.data import TrainingSet
from edgeseg.train.run import CHECKPOINT, Run
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg_bench.script import run_script

NET, PROGRAM = "lite-fpn-fused", "python -m lab.front"
STAGES = 3
"""Of the encoder, down to 1/8: those that are plain."""

CHOSEN = ("epochs", "rate", "autocast")
"""Settings that the command line takes."""


def features(encoder: EfficientNetLite, frames: Tensor) -> list[Tensor]:
    """What the first stages of an encoder give at 1/4 and 1/8."""
    given = encoder.stem(frames)
    taps = []
    for stage in list(encoder.stages)[:STAGES]:
        given = stage(given)
        taps.append(given)
    return taps[1:]


def teach(start: Path, data: Path, out: Path, settings: TrainSettings) -> Run:
    """Writes into the folder `out` a checkpoint of LiteFPN-fused whose front gives what that of `start` does.

    Returns:
        The run. An epoch's loss is the mean of the squared differences, each channel's in units of its variance.

    Raises:
        WeightsError: `start` is no checkpoint of a network with EfficientNet-Lite0's first stages.
        DataError: the data set breaks its own rules.
    """
    origin, epochs, tensors = averaged_weights(start)
    encoder = EfficientNetLite(LITE0, LITE0.stages[:STAGES]).eval()
    found = {name: tensors.get(f"encoder.{name}", torch.empty(0)) for name in encoder.state_dict()}
    if any(found[name].shape != tensor.shape for name, tensor in encoder.state_dict().items()):
        raise WeightsError(f"{start} is of {origin.get('net')}, expected the first stages of EfficientNet-Lite0")
    encoder.load_state_dict(found)
    dataset = Dataset.open(data, "train")
    torch.manual_seed(settings.seed)
    network = LiteFPNFused(len(dataset.classes.names))
    network.load_pretrained()  # the blocks that the checkpoint lacks
    ours = network.state_dict()
    fitting = {name: tensor for name, tensor in tensors.items() if name in ours and ours[name].shape == tensor.shape}
    network.load_state_dict(fitting, strict=False)

    examples = TrainingSet(dataset, settings)
    steps, warmup = settings.epochs * examples.steps, round(settings.warmup * examples.steps)
    front = nn.ModuleList([network.encoder.stem, *list(network.encoder.stages)[:STAGES]])
    state = TrainingState(network, Average(network, settings.ema), make_optimizer(front, settings))
    for each in (network, encoder):
        each.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    spans: list[Tensor] = []
    run, began = Run(), time.monotonic()
    for run.step, batch in enumerate(examples.batches(0, steps), 1):
        set_rate(state.optimizer, factor(run.step - 1, steps, warmup, settings.schedule))
        frames = normalise(batch.frames).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(settings.autocast)):
            with torch.no_grad():
                expected = [each.float() for each in features(encoder, frames)]
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
        "net": NET,
        "data": dataset.digest,
        "program": PROGRAM,
        "start": {
            "sha256": hashlib.sha256(start.read_bytes()).hexdigest(),
            "run": origin,
            "epochs": epochs,
            "new": sorted({name.rpartition(".")[0] for name in ours.keys() - fitting.keys()}),
        },
        **{name: settings.to_json()[name] for name in CHOSEN},
    }
    out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(out / CHECKPOINT, identity, run.to_json(), state)
    return run


def main(*, start: Path, data: Path, out: Path, epochs: int = 60, rate: float = 4e-3, autocast: bool = False) -> None:
    """Writes the checkpoint, and prints the error of the first and of the last epoch.

    Args:
        start: the checkpoint of a run of LiteFPN or LiteFPN-nano.
        data: that it was trained on.
        out: the folder.
        epochs: passes over the training split.
        rate: highest learning rate.
        autocast: compute in bfloat16.
    """
    keep_tensors()
    settings = TrainSettings(epochs=epochs, rate=rate, scale="0.5,2.0", pretrained=False, autocast=autocast)
    run = teach(start, data, out, settings)
    first, last, hours = run.epochs[0].loss, run.epochs[-1].loss, run.seconds / 3600
    Console().print(f"{out}: error {first:.3f} in the first epoch, {last:.3f} in the last, {hours:.2f} hours")


if __name__ == "__main__":
    run_script(main, "python -m lab.front")
