"""A result as one HTML page that needs nothing but itself."""

from __future__ import annotations

from html import escape
from typing import Any

from edgeseg.html_style import STYLE
from edgeseg_bench.pareto import front
from edgeseg_bench.report import svg
from edgeseg_bench.report.table import COLUMNS, artifact_of, facts, machine_facts, rows, title
from edgeseg_bench.windows import percentile


def page(result: dict[str, Any]) -> str:
    """The whole page: for each run its table and charts, then the machine."""
    name = f"edgeseg bench: {result['bundle']['name']} on {result['machine']['processor']}"
    parts = [f"<h1>{escape(name)}</h1>"]
    parts += [f'<p class="warning">{escape(each)}</p>' for each in result["warnings"]]
    parts += _side_by_side(result)
    for run in result["runs"]:
        parts += [f"<h2>{escape(title(result, run))}</h2>", _table(run), _facts(facts(result, run)), *_charts(run)]
    parts += ["<h2>Machine</h2>", _facts(machine_facts(result))]
    parts += [f"<p>Skipped {escape(each['engine'])}: {escape(each['reason'])}</p>" for each in result["skipped"]]
    head = f'<meta charset="utf-8"><title>{escape(name)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _charts(run: dict[str, Any]) -> list[str]:
    measured = run["measured"]
    flat_out, camera = measured["pipeline"], measured["capture_to_mask"]
    core = dict(flat_out["stage_core_ms"])
    core["hand-over"] = max(0.0, flat_out["stream_core_ms"] - sum(core.values()))
    waits = {"decode" if name == "capture" else name: ms for name, ms in camera["stage_ms"].items()}
    samples = {
        label: [ms for window in measured[key]["windows"] for ms in window["ms"]] for key, label in COLUMNS.items()
    }
    spread = {
        label: [
            (percentile(window["ms"], 5), percentile(window["ms"], 50), percentile(window["ms"], 95))
            for window in measured[key]["windows"]
        ]
        for key, label in COLUMNS.items()
    }
    return [
        "<h3>Where a frame's time goes</h3>",
        svg.stacked_bars({"processor time": core, "camera to mask": waits}, "ms"),
        "<p>Processor time of the pipeline, summed over the cores: each stage alone, and what the stream takes beyond "
        "them (hand-over). Camera to mask: mean time that a frame spends in each stage, waiting included.</p>",
        "<h3>Latency of all frames</h3>",
        svg.distributions(samples, "milliseconds"),
        "<h3>Spread over the windows</h3>",
        svg.dots(spread, "ms"),
        "<p>Each window's median, and the range from its 5th to its 95th percentile.</p>",
    ]


def _side_by_side(result: dict[str, Any]) -> list[str]:
    """All runs in one chart; where there are several, in one table too, and accuracy against latency."""
    names = {artifact_of(run): run for run in result["runs"]}
    spread = {
        name: {
            label: _low_middle_high([percentile(window["ms"], 50) for window in run["measured"][key]["windows"]])
            for key, label in COLUMNS.items()
        }
        for name, run in names.items()
    }
    parts = [
        svg.bars(spread, "ms"),
        "<p>Latency: the median of the windows' medians, and their lowest and highest.</p>",
    ]
    if len(names) < 2:
        return parts
    lines = []
    points = {}
    for name, run in names.items():
        measured = run["measured"]
        p99 = measured["capture_to_mask"]["figures"]["p99_ms"]
        miou = run["accuracy"] and run["accuracy"]["miou"]
        if miou is not None:
            points[name] = (p99, miou)
        cells = (
            "-" if miou is None else f"{miou:.2f}",
            f"{measured['engine']['figures']['p50_ms']:.2f}",
            f"{measured['pipeline']['figures']['fps']:.1f}",
            f"{p99:.2f}",
        )
        lines.append(_row("td", name, cells))
    head = _row("th", "", ("mIoU %", "engine p50 ms", "pipeline fps", "camera to mask p99 ms"))
    parts.append(f"<table>{head}{''.join(lines)}</table>")
    if len(points) > 1:
        plot = svg.plane(points, ("camera to mask p99, milliseconds", "mIoU %"), front=front(points))
        parts += ["<h2>Accuracy against latency</h2>", plot, "<p>Joined: those that no other beats in both.</p>"]
    return parts


def _low_middle_high(values: list[float]) -> tuple[float, float, float]:
    return min(values), percentile(values, 50), max(values)


def _table(run: dict[str, Any]) -> str:
    head = _row("th", "", list(COLUMNS.values()))
    return f"<table>{head}{''.join(_row('td', name, texts) for name, texts in rows(run))}</table>"


def _facts(pairs: list[tuple[str, str]]) -> str:
    return f'<table class="facts">{"".join(_row("td", name, [text]) for name, text in pairs)}</table>'


def _row(cell: str, name: str, texts: Any) -> str:
    return f"<tr><th>{escape(name)}</th>{''.join(f'<{cell}>{escape(text)}</{cell}>' for text in texts)}</tr>"
