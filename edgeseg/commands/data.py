"""`edgeseg data check` and `edgeseg data convert`."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.table import Table
from rich.text import Text

from edgeseg.accuracy.check import DataReport, check
from edgeseg.accuracy.survey import Survey
from edgeseg.atomic import write_text
from edgeseg.counted import counted, first_of
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console

SIZES = 3
"""Sizes of labels that the table names."""

app = App(name="data", help="Check labelled images, or convert them to the plain layout.")


@app.command(name="check")
def check_command(data: Path, *, html: Path | None = None) -> int:
    """Look for what would spoil training or figures; exit code 1 if there is a fault.

    It looks at classes that never occur, the share that is ignored, palettes against ids, lossy masks, sizes,
    orientation, files that are left out, and pictures that are in two splits.

    Args:
        data: a data set: the plain layout, masks by label, by split or beside their images, lists of pairs, CamVid's
            layout, VOC's, Cityscapes', ADE20K's, MMSegmentation's or COCO's.
        html: write a page with pictures here.
    """
    from edgeseg.accuracy.check_page import page

    with progress_bar("check") as progress:
        report = check(data, progress=progress)
    if html is not None:
        write_text(html, page(report))
    console = make_console()
    if report.splits:  # else there is no column
        console.print(_table(report))
    for finding in report.findings:
        style = "red" if finding.weight == "fault" else "yellow"
        console.print(Text(f"{finding.weight}: ", style=style) + Text(finding.sentence), soft_wrap=True)
    if not report.findings:
        console.print("no problems found")
    return 1 if report.faults else 0


@app.command(name="convert")
def convert_command(data: Path, out: Path) -> int:
    """Write a data set in the plain layout: images/, masks/ with class ids, classes.json.

    Args:
        data: a data set in any layout that edgeseg reads.
        out: a new folder.
    """
    from edgeseg.accuracy.convert import convert

    with progress_bar("convert") as progress:
        number = convert(data, out, progress=progress)
    make_console().print(f"wrote {counted(number, 'labelled image')} to {out}", markup=False, soft_wrap=True)
    return 0


def _table(report: DataReport) -> Table:
    """Share of each class's pixels, by split."""
    table = Table(title=Text(f"{report.folder}: {report.layout} layout"), title_justify="left")
    table.add_column("class")
    for split in report.splits:
        table.add_column(f"{split.name or 'all'}, {counted(split.survey.images, 'image')}", justify="right")
    for index, name in enumerate(report.classes.names):
        table.add_row(Text(name), *(f"{100 * split.survey.share(index):.2f} %" for split in report.splits))
    table.add_row("ignored", *(f"{100 * split.survey.ignored:.2f} %" for split in report.splits))
    table.add_row("sizes", *(_sizes(split.survey) for split in report.splits))
    return table


def _sizes(survey: Survey) -> str:
    return first_of([f"{width}x{height}" for (width, height), _ in survey.sizes.most_common()], SIZES)
