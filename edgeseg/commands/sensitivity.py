"""`edgeseg sensitivity`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from edgeseg.arguments import check_percent
from edgeseg.artifact import Target
from edgeseg.atomic import check_outputs, write_text
from edgeseg.bundle import Bundle
from edgeseg.counted import counted
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console
from edgeseg_export.precision.histogram import Method

if TYPE_CHECKING:
    from edgeseg_export.precision.judge import Loss
    from edgeseg_export.precision.sensitivity_result import Sensitivity

SHOWN = 12
"""Layers in the terminal's table; all are in the JSON file and on the page."""


def sensitivity_command(
    bundle: str,
    *,
    data: Path,
    split: str | None = None,
    method: Method | Literal["auto"] = "auto",
    target: Target = "onnxruntime",
    images: int = 32,
    slower: float = 5.0,
    json_file: Annotated[Path | None, Parameter("--json")] = None,
    html: Path | None = None,
) -> int:
    """Find the layers that INT8 hurts most, one layer at a time.

    Measured on images of DATA that are not used to calibrate. The worst layers stay in float while INT8 remains fast
    and flips clearly fewer pixels; `edgeseg quantize --sensitivity FILE` then takes them.

    Args:
        bundle: the name of one that comes with edgeseg, or a path; it is not changed.
        data: a data set, a video, or a folder of images; as for quantize, and never what you evaluate on.
        split: the split of the data set to use, train by default.
        method: how ranges are found, as for quantize.
        target: the runtime whose INT8 is measured; mixes are tried for onnxruntime, whose speed can be measured here.
        images: number of images to measure on, at most 32.
        slower: percent, up to 100, that INT8 with layers in float may be slower than INT8 throughout.
        json_file: write all figures here, for quantize.
        html: write the report here, as one page that needs no other file.
    """
    from edgeseg.accuracy.dataset import check_split
    from edgeseg_export.precision.sensitivity import sensitivity
    from edgeseg_export.precision.sensitivity_page import page

    check_outputs(json_file, html)
    check_split(split, data)
    check_percent(slower, "--slower", small=True)
    with progress_bar("measure") as progress:
        result = sensitivity(
            Bundle.open(bundle),
            data,
            split=split or "train",
            method=method,
            target=target,
            images=images,
            slower=slower,
            progress=progress,
        )
    if json_file is not None:
        write_text(json_file, json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n")
    if html is not None:
        write_text(html, page(result))
    console = make_console()
    console.print(_layers(result))
    console.print(_mixes(result))
    return 0


def _layers(result: Sensitivity) -> Table:
    number = min(SHOWN, len(result.layers))
    layers, images = counted(len(result.layers), "layer"), counted(result.frames, "image")
    title = f"the {number} worst of {layers}, each alone in INT8, on {images}"
    table = Table("layer", "mIoU lost %", "flipped %", "worst frame %", title=title)
    for layer in result.worst()[:SHOWN]:
        table.add_row(Text(layer), *_cells(result.layers[layer]))
    return table


def _mixes(result: Sensitivity) -> Table:
    table = Table("in float", "mIoU lost %", "flipped %", "worst frame %", "slower %", "faster than fp32")
    table.add_row("none", *_cells(result.whole), "-", "-")
    for mix in result.tried:
        style = "bold" if mix.keep == result.keep else ""
        row = *_cells(mix.loss), f"{mix.slower:+.1f}", f"{mix.faster:.2f}"
        table.add_row(Text("\n".join(mix.keep)), *row, style=style)
    return table


def _cells(loss: Loss) -> tuple[str, str, str]:
    return "-" if loss.miou is None else f"{loss.miou:+.3f}", f"{loss.flipped:.3f}", f"{loss.worst:.2f}"
