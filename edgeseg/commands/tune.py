"""`edgeseg tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgeseg.arguments import check_percent


def tune_command(
    *bundles: str,
    data: Path,
    max_latency: float,
    min_miou: float,
    split: str | None = None,
    source: Path | None = None,
    engine: str = "all",
    size: list[str] | None = None,
    threads: list[int] | None = None,
    throughput: Annotated[bool, Parameter(negative="")] = False,
    out: Path = Path("settings.json"),
    json: Path | None = None,
    html: Path | None = None,
) -> int:
    """Choose network, precision and engine for this device.

    Resolution and threads too; exit code 1 if no combination keeps the budget.

    The most accurate combination that keeps the budget, or a faster one within 0.2 mIoU of it, is written to --out, for
    `edgeseg run --settings`. If none keeps it, the nearest is named and nothing is written. Give data that you will
    not report accuracy on.

    Args:
        bundles: the bundles to choose from: names of those that come with edgeseg, or paths.
        data: a labelled data set that did not calibrate the bundles.
        max_latency: milliseconds from a frame in memory to its mask that 95 % of the frames may take.
        min_miou: mIoU in percent to reach, with that very artifact and engine.
        split: which part of the data set; val by default, if it has splits.
        source: a video whose frames are timed; by default those of the data set.
        engine: the runtime, or "all" for every one that is installed.
        size: WIDTHxHEIGHT of the input of networks that take any; may be given several times.
        threads: threads of one inference; may be given several times. Frames run at once as far as cores are left.
        throughput: for recordings: take what gives most frames a second, instead of the lowest latency, and try
            several frames in a call too, where a bundle takes them.
        out: write the choice here.
        json: write all figures here.
        html: write a page with table and plot here.
    """
    from edgeseg.atomic import check_outputs, write_text
    from edgeseg.errors import UsageError
    from edgeseg.processor import available_cores
    from edgeseg.run_settings import write_settings
    from edgeseg.terminal import make_console
    from edgeseg_bench import machine, result
    from edgeseg_bench.labelled import check_labelled, open_labelled
    from edgeseg_bench.tune import record, report
    from edgeseg_bench.tune.choice import choose, nearest
    from edgeseg_bench.tune.combinations import combinations
    from edgeseg_bench.tune.search import Budget, frames_of, tune
    from edgeseg_export.sizes import parse_size

    if not bundles:
        raise UsageError("no bundle is given, expected at least one, such as road")
    check_percent(min_miou, "--min-miou")
    budget = Budget(max_latency, min_miou)
    check_outputs(out, json, html)
    sizes = [parsed for text in size or () if (parsed := parse_size(text)) is not None]
    choices, skipped = combinations(bundles, engine_name=engine, sizes=sizes, threads=threads, batches=throughput)
    dataset = open_labelled(data, split)
    for choice in {each.artifact.sha256: each for each in choices}.values():
        check_labelled(choice.bundle, choice.artifact, dataset)
    frames = frames_of(dataset, source)
    console = make_console(stderr=True)
    before = machine.condition()
    with console.status("tune") as status:
        trials = tune(choices, dataset, frames, budget, say=status.update)
    warnings = machine.warnings(before, machine.condition(), available_cores())
    chosen = choose(trials, budget, throughput=throughput)
    make_console().print(report.table(trials, chosen, budget))
    notes = [f"skipped {each['engine']}: {each['reason']}" for each in skipped]
    notes += [f"warning: {each}" for each in warnings]
    common = record.facts(dataset, frames, budget, warnings)
    if json is not None:
        write_text(json, result.to_text(record.result(trials, common, skipped)))
    if html is not None:
        device = f"{machine.processor()}, {available_cores()} cores"
        write_text(html, report.page(trials, chosen, budget, device=device, notes=notes))
    if chosen is not None:
        write_settings(out, record.settings(chosen, common))
        notes.append(f"chosen: {chosen.combination.name}; edgeseg run SOURCE --settings {out}")
    else:
        notes.append(f"nothing keeps the budget; {report.nearest(nearest(trials, budget))}; {out} is not written")
    for note in notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    return 0 if chosen else 1
