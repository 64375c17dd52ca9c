"""The plain front of LiteFPN-nano, taught to give the features of the published one.

    python -m lab.front RUN/checkpoint.safetensors --data DATA --out front.safetensors

Plain convolutions have no ImageNet weights to start from, and too few labels here to find as good ones. So they learn
what EfficientNet-Lite0's first stages, which they stand for, give at 1/4 and 1/8 for any crop of the training pictures,
as the checkpoint's run has trained them. What comes after them in the checkpoint is kept, where it is LiteFPN-nano's:
`edgeseg train lite-fpn-nano --start front.safetensors` begins where that run ended, or nearly so.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import WeightsError
from edgeseg.memory import keep_tensors
from edgeseg.models.efficientnet_lite import LITE0, EfficientNetLite
from edgeseg.models.lite_fpn_nano import LiteFPNNano
from edgeseg.models.normalise import normalise
from edgeseg.train.average import Average
from edgeseg.train.checkpoint import TrainingState, averaged_weights, save_checkpoint
from edgeseg.train.data import TrainingSet
from edgeseg.train.run import Run
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import TrainSettings
from edgeseg_bench.script import run_script

NET = "lite-fpn-nano"
STAGES = 3
"""Of the encoder, down to 1/8: those that are plain."""


def features(encoder: EfficientNetLite, frames: Tensor) -> list[Tensor]:
    """What the first stages of an encoder give at 1/4 and 1/8."""
    given = encoder.stem(frames)
    taps = []
    for stage in list(encoder.stages)[:STAGES]:
        given = stage(given)
        taps.append(given)
    return taps[1:]


def teach(start: Path, data: Path, out: Path, settings: TrainSettings) -> list[float]:
    """Writes a checkpoint of LiteFPN-nano whose front gives what that of `start` does.

    Returns:
        The error of each epoch: the mean of the squared differences, each channel's in units of its variance.

    Raises:
        WeightsError: `start` is no checkpoint of a network with EfficientNet-Lite0's first stages.
        DataError: the data set breaks its own rules.
    """
    run, _, tensors = averaged_weights(start)
    encoder = EfficientNetLite(LITE0, LITE0.stages[:STAGES]).eval()
    found = {name: tensors.get(f"encoder.{name}", torch.empty(0)) for name in encoder.state_dict()}
    if any(found[name].shape != tensor.shape for name, tensor in encoder.state_dict().items()):
        raise WeightsError(f"{start} is of {run.get('net')}, expected the first stages of EfficientNet-Lite0")
    encoder.load_state_dict(found)
    dataset = Dataset.open(data, "train")
    torch.manual_seed(settings.seed)
    network = LiteFPNNano(len(dataset.classes.names))
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
    errors = [0.0] * settings.epochs
    for step, batch in enumerate(examples.batches(0, steps)):
        set_rate(state.optimizer, factor(step, steps, warmup, settings.schedule))
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
        state.average.update(network, step)
        errors[step // examples.steps] += loss.item() / examples.steps
    save_checkpoint(out, {**run, "net": NET, "data": dataset.digest}, Run().to_json(), state)
    return errors


def main(start: Path, *, data: Path, out: Path, epochs: int = 60, rate: float = 4e-3, autocast: bool = False) -> None:
    """Writes the checkpoint, and prints the error of the first and of the last epoch.

    Args:
        start: the checkpoint of a run of LiteFPN.
        data: that it was trained on.
        out: the file.
        epochs: passes over the training split.
        rate: highest learning rate.
        autocast: compute in bfloat16.
    """
    keep_tensors()
    began = time.monotonic()
    settings = TrainSettings(epochs=epochs, rate=rate, scale="0.5,2.0", pretrained=False, autocast=autocast)
    errors = teach(start, data, out, settings)
    hours = (time.monotonic() - began) / 3600
    Console().print(f"{out}: error {errors[0]:.3f} in the first epoch, {errors[-1]:.3f} in the last, {hours:.2f} hours")


if __name__ == "__main__":
    run_script(main, "python -m lab.front")
