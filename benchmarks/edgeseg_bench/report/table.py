"""A run's figures as rows of text, for the terminal and for the page alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group

COLUMNS = {
    "engine": "engine alone",
    "pipeline": "pipeline",
    "capture_to_mask": "camera to mask",
    "stream_to_mask": "stream to mask",
}

_MILLISECONDS = {f"{name} ms": f"{name}_ms" for name in ("p50", "p90", "p95", "p99", "max", "mean")}


def title(result: dict[str, Any], run: dict[str, Any]) -> str:
    """Which artifact, where it ran, on how many cores."""
    return (
        f"{result['bundle']['name']} {run['artifact']['precision']} in {run['engine']}, {run['mode']}: "
        f"{run['workers']} at a time on {run['threads']} thread{'s' * (run['threads'] > 1)} each"
    )


def artifact_of(run: dict[str, Any]) -> str:
    """What ran, "openvino int8"."""
    return f"{run['engine']} {run['artifact']['precision']}"


def rows(run: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Name of each figure, and its text for each of COLUMNS."""
    measured = [run["measured"][name] for name in COLUMNS]
    figures = [each["figures"] for each in measured]
    table = [(name, [f"{each[key]:.2f}" for each in figures]) for name, key in _MILLISECONDS.items()]
    table.append(("frames a second", [f"{each['fps']:.1f}" for each in figures]))
    table.append(("core ms a frame", [f"{each['core_ms']:.2f}" for each in figures]))
    table.append(("frames", [str(each["frames"]) for each in figures]))
    table.append(("dropped", ["-", "-", *(str(each["dropped"]) for each in figures[2:])]))
    table.append(("windows", [_windows(each) for each in measured]))
    table.append(("included", [each["included"] for each in measured]))
    table.append(("not included", [each["excluded"] for each in measured]))
    return table


def facts(result: dict[str, Any], run: dict[str, Any]) -> list[tuple[str, str]]:
    """What belongs to a run as a whole."""
    flat_out, camera, cold = run["measured"]["pipeline"], run["measured"]["capture_to_mask"], run["first_mask"]
    stages = ", ".join(f"{name} {ms:.2f}" for name, ms in flat_out["stage_core_ms"].items())
    best = camera["highest_fps"]
    seconds = ", ".join(f"{each:.2f}" for each in cold["seconds"])
    accuracy = run["accuracy"]
    return [
        ("accuracy", f"mIoU {accuracy['miou']:.2f} % on {accuracy['images']} images, split {accuracy['split']}")
        if accuracy
        else ("accuracy", "not measured: give --data"),
        ("golden frames", _golden(run.get("golden"))),
        ("flicker", _flicker(run["flicker"])),
        (
            "efficiency",
            f"{flat_out['efficiency']:.2f} = {flat_out['fps']:.1f} fps x {sum(flat_out['stage_core_ms'].values()):.2f} "
            f"core ms / {flat_out['cores']} cores",
        ),
        ("stages alone", f"{stages} core ms a frame; in the stream {flat_out['stream_core_ms']:.2f} together"),
        ("camera", f"{camera['camera_fps']:g} frames a second"),
        (
            "highest rate",
            (f"{best:.1f} frames a second" if best else "none") + " with p99 below two intervals and no drop",
        ),
        ("first mask", f"{cold['median_seconds']:.2f} s after the start of a new process ({seconds}; files cached)"),
        ("peak memory", f"{cold['peak_memory_mb']:.0f} MB of a process that segments {cold['frames']} frames"),
        ("energy", _energy(result, flat_out)),
    ]


def _golden(proof: dict[str, Any] | None) -> str:
    if proof is None:
        return "not asked for: the bundle has none"
    return (
        f"{proof['mask_agreement']:.2f} % of fp32's pixels, of the worst {proof['worst_frame']:.2f} %; "
        f"expected {proof['least']:.2f} %"
    )


def _flicker(measured: dict[str, Any]) -> str:
    if measured["plain"] is None:
        return "not measured: the picture changed everywhere, or had one size for no two frames"
    steadier = [
        f"smooth = {each['weight']:g}: {100 * each['flicker']:.2f} %"
        + ("" if each["lag"] is None else f", lag {100 * each['lag']:.2f} %")
        for each in measured["smooth"]
    ]
    return "; ".join(
        [
            f"{100 * measured['plain']:.2f} % of the pixels that did not change "
            f"({100 * measured['unchanged']:.0f} % of {measured['frames']} frames)",
            *steadier,
        ]
    )


def machine_facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The machine, its software, and what was measured on it."""
    about, before, after = result["machine"], result["condition"]["before"], result["condition"]["after"]
    source, bundle = result["source"], result["bundle"]
    artifacts = ", ".join(f"{run['artifact']['file']} {run['artifact']['sha256'][:12]}" for run in result["runs"])
    return [
        ("time", result["time"]),
        ("processor", f"{about['processor']}, {about['cores']} cores{', virtual machine' * about['virtual']}"),
        ("instruction sets", " ".join(about["instruction_sets"]) + f"; kernels for {about['kernels']}"),
        ("GPU", ", ".join(about["gpus"]) or "none used"),
        ("system", f"{about['board'] or about['architecture']}, {about['memory_mb']} MB, {about['system']}"),
        ("governor", about["governor"] or "not readable"),
        ("load", f"{_number(before['load'], '')} before, {_number(after['load'], '')} after"),
        ("in other hands", f"{_percent(before['busy'])} of the cores' time before, {_percent(after['busy'])} after"),
        ("temperature", f"{_number(before['celsius'], ' °C')} before, {_number(after['celsius'], ' °C')} after"),
        ("clock", f"{_number(before['mhz'], ' MHz')} before, {_number(after['mhz'], ' MHz')} after"),
        *(
            (
                "GPU's condition",
                f"{late['name']}: {early['celsius']} °C before, {late['celsius']} after; {early['mhz']} MHz before, "
                f"{late['mhz']} after",
            )
            for early, late in zip(before["gpus"], after["gpus"], strict=False)
        ),
        ("software", ", ".join(f"{name} {version}" for name, version in result["versions"].items())),
        ("bundle", f"{bundle['name']} {bundle['sha256'][:12]}; {artifacts}"),
        (
            "video",
            f"{source['name']} {source['width']}x{source['height']}, {source['fps']:g} fps, {source['sha256'][:12]}",
        ),
    ]


def tables(result: dict[str, Any]) -> Group:
    """The whole result for a terminal."""
    from rich.console import Group  # here, so that importing this module stays light
    from rich.table import Table
    from rich.text import Text

    parts: list[Any] = []
    for run in result["runs"]:
        table = Table(title=Text(title(result, run)), title_justify="left")
        table.add_column("")
        for name in COLUMNS.values():
            table.add_column(name, justify="right")
        for name, texts in rows(run):
            table.add_row(name, *map(Text, texts), end_section=name in ("mean ms", "windows"))
        parts += [table, _pairs(facts(result, run)), ""]
    parts.append(_pairs(machine_facts(result)))
    parts += [Text(f"skipped {each['engine']}: {each['reason']}") for each in result["skipped"]]
    parts += [Text(f"warning: {each}", style="yellow") for each in result["warnings"]]
    return Group(*parts)


def _pairs(pairs: list[tuple[str, str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None)
    for name, text in pairs:
        table.add_row(Text(name, style="bold"), Text(text))
    return table


def _windows(measured: dict[str, Any]) -> str:
    number, spread = measured["figures"]["windows"], 100 * measured["figures"]["spread"]
    end = "the last three agree" if measured["steady"] else "NOT steady: the bound was reached"
    return f"{number}, p50 within {spread:.0f} %; {end}"


def _energy(result: dict[str, Any], flat_out: dict[str, Any]) -> str:
    measured, energy = flat_out["energy"], result["energy"]
    if not energy["counters"]:
        return f"not measured, as there is no counter: {'; '.join(energy['absent'])}"
    if measured is None:
        return "not measured: the windows were too short for ten samples of the counters; give more --frames"
    absent = "".join(f"; not counted: {each}" for each in energy["absent"])
    return (
        f"{measured['joules_a_frame']:.3f} J a frame in the pipeline, {measured['joules_a_frame_above_idle']:.3f} J "
        f"above idle ({measured['watts']:.1f} W, idle {energy['idle_watts']:.1f} W; "
        f"counted: {', '.join(energy['counters'])}{absent})"
    )


def _number(value: float | None, unit: str) -> str:
    return "not readable" if value is None else f"{value:.1f}{unit}"


def _percent(value: float | None) -> str:
    return "not readable" if value is None else f"{value:.0%}"
