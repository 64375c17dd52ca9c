"""`edgeseg quantize`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgeseg.arguments import check_percent
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import check_own
from edgeseg.cache import tell
from edgeseg.describe import tables
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console, warn
from edgeseg_export.precision.histogram import Method


def quantize_command(
    bundle: str,
    *,
    data: Path,
    split: str | None = None,
    method: Method | Literal["auto"] = "auto",
    keep: tuple[str, ...] = (),
    sensitivity: Path | None = None,
    seven_bits: bool | None = None,
    eval: Path | None = None,
    eval_split: str | None = None,
    min_agreement: float | None = None,
    golden: str | None = None,
) -> int:
    """Add FP16 and INT8 artifacts to a bundle, each measured.

    One calibration serves both kinds of INT8: one artifact for ONNX Runtime and OpenVINO, one for TensorRT. Exit code 1
    if one loses too much to be run in place of fp32; it is written all the same.

    Args:
        bundle: path of the bundle; it is replaced when all went well.
        data: what to calibrate on: a data set, a video, or a folder of images.
        split: the split of the data set to use, train by default.
        method: how ranges are found; auto takes what scores best on frames that were not used to calibrate.
        keep: a layer that stays in float; may be given several times.
        sensitivity: what `edgeseg sensitivity --json` wrote: the layers that it names stay in float too.
        seven_bits: also write INT8 with 7-bit weights (int8-7bit), for x86 processors without VNNI; by default on one.
        eval: a data set, or a video or folder of pictures without labels, to measure every artifact on; it may share no
            image with the calibration. By default those frames of --data that were not used to calibrate.
        eval_split: the split of that data set to use, val by default.
        min_agreement: percent of the pixels that must get fp32's class, where there are no labels; 98 if left out.
        golden: pictures that the bundle is to carry, as for export; by default unused frames of --data.
    """
    from edgeseg.accuracy.dataset import check_split
    from edgeseg_export.frame_set import open_proof
    from edgeseg_export.golden import read_pictures
    from edgeseg_export.precision.quantize import quantize
    from edgeseg_export.precision.sensitivity_result import read_keep

    check_own(bundle)
    check_split(split, data)
    check_split(eval_split, eval, option="--eval-split")
    if min_agreement is not None:
        check_percent(min_agreement, "--min-agreement")
    opened, pictures = Bundle.open(bundle), read_pictures(golden)
    float_layers = frozenset(keep) | (frozenset() if sensitivity is None else read_keep(sensitivity, opened))
    evaluation = None if eval is None else open_proof(eval, eval_split or "val")
    with progress_bar("calibrate") as progress:
        result = quantize(
            opened,
            data,
            split=split or "train",
            method=method,
            keep=float_layers,
            seven_bits=seven_bits,
            evaluation=evaluation,
            min_agreement=min_agreement,
            golden=pictures,
            progress=progress,
            note=tell,
        )
    for warning in result.warnings:
        warn(warning)
    console = make_console()
    for name, score in result.scores.items():
        console.print(f"{name}: {score:.3f} %", highlight=False)
    console.print(tables(result.bundle))
    for miss in result.misses:
        make_console(stderr=True).print(f"missed: {miss}", style="red", soft_wrap=True)
    return 1 if result.misses else 0
