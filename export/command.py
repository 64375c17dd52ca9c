"""`edgeseg export`. Light, so that --help works where torch is not installed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from edgeseg.describe import tables
from edgeseg.errors import UsageError
from edgeseg.progress import counting
from edgeseg.spec import Resize


def export_command(
    weights: Path,
    *,
    out: Path,
    name: str | None = None,
    size: str | None = None,
    resize: Resize | None = None,
    dynamic: bool = False,
    mask_in_graph: bool = False,
    data: Path | None = None,
    split: str = "val",
) -> int:
    """Turn weights into a bundle, and prove that its answers are PyTorch's.

    Args:
        weights: a file that `edgeseg train` wrote.
        out: folder for the bundle; a bundle that lies there is replaced.
        name: of the network; by default that in the weights.
        size: of the input as WIDTHxHEIGHT; by default that in the weights.
        resize: how frames of other sizes are fitted: stretch, or letterbox (keeps the aspect ratio).
        dynamic: one graph for all input sizes.
        mask_in_graph: add an artifact that gives the mask itself, for those who run the ONNX file elsewhere.
        data: a data set: its frames serve the comparison, and the artifact's accuracy is measured on its split.
        split: of the data set.
    """
    from edgeseg.export.to_onnx import export

    with counting("evaluate") as progress:
        bundle = export(
            weights,
            out,
            name=name,
            size=_size(size),
            resize=resize,
            dynamic=dynamic,
            mask_in_graph=mask_in_graph,
            data=data,
            split=split,
            progress=progress,
        )
    Console().print(tables(bundle))
    return 0


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError:
        raise UsageError(f"size is {text!r}, expected WIDTHxHEIGHT such as 480x360") from None
    return width, height
