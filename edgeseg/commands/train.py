"""`edgeseg train`. Light, so that --help works where torch is not installed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgeseg.errors import UsageError
from edgeseg.terminal import make_console
from edgeseg.train.settings import TrainSettings


def train_command(
    net: str | None = None,
    *,
    data: Path,
    out: Path,
    name: str | None = None,
    licence: str = "not stated",
    start: str | None = None,
    teacher: list[str] | None = None,
    resume: bool = False,
    settings: Annotated[TrainSettings | None, Parameter(name="*")] = None,
) -> int:
    """Train a network on labelled images.

    Writes weights.safetensors, log.csv, curve.png and checkpoints.

    Ctrl-C and SIGTERM write a checkpoint first; --resume continues from the last one, and ends with the same weights as
    a run that was never stopped.

    Args:
        net: the architecture; `edgeseg zoo` lists them. By default that of --start.
        data: a data set with one class a pixel, in any layout that `edgeseg data check` takes. Its train split is
            learnt from, its val split measured for the curve; without splits, four fifths and one fifth of it.
        out: folder for everything that the run writes.
        name: the network's name in its spec; by default the architecture's.
        licence: the licence of the weights, including that of the data.
        start: what to fine-tune, on other data or with other classes: a bundle that edgeseg export made, by name or
            path ("road"), or weights.safetensors or checkpoint.safetensors of another run. Other classes get a new
            head; a checkpoint may also be of a kindred network. The run's record says which layers are new.
        teacher: a bundle, by name or path, whose logits the network also learns from, beside the labels: one that
            knows more, of the same classes, for frames of any size. Given several times, the mean of their logits.
        resume: continue the run in --out.
    """
    from edgeseg.train.loop import train
    from edgeseg.train.start import network_of

    if net is None:
        if start is None:
            raise UsageError("there is no network to train; name one (edgeseg zoo lists them), or what to --start from")
        net = network_of(start)
    weights = train(
        net,
        data,
        out,
        settings or TrainSettings(),
        name=name,
        licence=licence,
        start=start,
        teachers=teacher or (),
        resume=resume,
    )
    following = shlex.join(["edgeseg", "export", str(weights), "--out", "BUNDLE", "--data", str(data)])
    make_console().print(f"wrote {weights}; next: {following}", soft_wrap=True)
    return 0
