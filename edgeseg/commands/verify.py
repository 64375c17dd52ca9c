"""`edgeseg verify`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table

from edgeseg.arguments import check_percent
from edgeseg.atomic import check_outputs, write_text
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import check_own
from edgeseg.counted import counted
from edgeseg.fact import Fact
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console, shown_name

if TYPE_CHECKING:
    from edgeseg_export.verify import StageResult


def verify_command(
    bundle: str,
    *,
    data: Path,
    split: str | None = None,
    weights: Path | None = None,
    min_miou: float | None = None,
    min_agreement: float | None = None,
    max_drop: float | None = None,
    json_file: Annotated[Path | None, Parameter("--json")] = None,
    html: Path | None = None,
    record: bool = False,
) -> int:
    """Measure what each step from PyTorch to INT8 cost.

    Stages are torch, fp32, fp16 and int8, each in every engine that runs here.

    Without labels every artifact is compared with fp32. Exit code 1 if a threshold is missed, or if an engine
    that is installed refuses an artifact. If TensorRT-RTX is installed, its engines are built, timed and weighed.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        data: a data set, or a video or folder of pictures without labels, of which up to 64 frames are used; none of
            it may have been used to calibrate.
        split: the split of the data set to use, val by default.
        weights: the file that the bundle was exported from; PyTorch is then the first stage.
        min_miou: percent that every stage must reach.
        min_agreement: percent of the pixels that must have the class that the stage before gave them; without labels,
            98 by default.
        max_drop: percent of mIoU that a stage may lose against the first.
        json_file: write all figures here; the README's table is made of it.
        html: write the report here, as one page that needs no other file.
        record: write the figures into the bundle, where the engine auto finds them; without labels the threshold too.
    """
    from edgeseg.accuracy.dataset import check_split
    from edgeseg_export.frame_set import FrameSet, open_proof
    from edgeseg_export.verify import FLOAT, Gate, verify
    from edgeseg_export.verify_json import to_json
    from edgeseg_export.verify_page import page
    from edgeseg_export.verify_stages import stages

    check_outputs(json_file, html)
    check_split(split, data)
    if record:
        check_own(bundle)
    for option, threshold in (("--min-miou", min_miou), ("--min-agreement", min_agreement)):
        if threshold is not None:
            check_percent(threshold, option)
    if max_drop is not None:
        check_percent(max_drop, "--max-drop", small=True)
    opened, proof = Bundle.open(bundle), open_proof(data, split or "val")
    gate = Gate(min_miou, min_agreement, max_drop)
    if isinstance(proof, FrameSet):
        gate = gate.without_labels()
    comparable, left_out, failed = stages(opened, weights)
    with progress_bar("verify") as progress:
        results = verify(comparable, proof, progress=progress)
    misses = [*failed, *gate.misses(results)]
    if json_file is not None:
        figures = to_json(opened, proof, results, [*left_out, *failed])
        write_text(json_file, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    if html is not None:
        write_text(html, page(comparable, results, proof, gate, misses))
    if record:
        for stage, result in zip(comparable, results, strict=True):
            if stage.artifact is None or (isinstance(proof, FrameSet) and result.before != FLOAT):
                continue
            artifact = next(each for each in opened.artifacts if each.file == stage.artifact.file)
            runtime = None if stage.name == str(artifact) else result.engine
            fact: Fact = result.verification(proof.digest)
            if isinstance(proof, FrameSet):
                fact = result.agreed(proof, min_agreement)
            opened = opened.record(artifact, fact, engine=runtime)
    console = make_console()
    if isinstance(proof, FrameSet):
        frames = counted(len(proof), "frame")
        console.print(f"{frames} of {shown_name(proof.path)}, without labels", highlight=False, markup=False)
    console.print(_table(results))
    for reason in left_out:
        console.print("left out:", reason, markup=False, highlight=False, soft_wrap=True)
    if gate.unused() and not isinstance(proof, FrameSet):
        console.print(f"thresholds that were not set: {', '.join(gate.unused())}", highlight=False)
    for miss in misses:
        make_console(stderr=True).print(f"missed: {miss}", style="red", soft_wrap=True)
    return 1 if misses else 0


def _table(results: list[StageResult]) -> Table:
    from edgeseg_export.verify_page import change, miou

    labelled = any(miou(each) != "-" for each in results)
    table = Table(padding=(0, 0 if labelled else 1))  # 80 columns hold it
    for name in ("stage", "run by", "compared with"):  # names are told apart by their ends, so none is cut
        table.add_column(name, min_width=len("onnxruntime"), overflow="fold")
    for name in ("same %", "worst %", *(("mIoU %", "change") if labelled else ()), "ms", "MB"):
        table.add_column(name)
    for each in results:
        compared = each.before is not None
        table.add_row(
            each.stage,
            each.engine,
            each.before or "-",
            f"{each.agreement:.3f}" if compared else "-",
            f"{each.worst[0][1]:.2f}" if compared else "-",
            *((miou(each), change(each, results)) if labelled else ()),
            "-" if each.median_ms is None else f"{each.median_ms:.1f}",
            "-" if each.bytes is None else f"{each.bytes / 1e6:.2f}",
        )
    return table
