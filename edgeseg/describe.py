"""What a bundle is, for people (`edgeseg inspect`) and for programs (`--json`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edgeseg.auto import remembered
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError
from edgeseg.processor import available_cores

if TYPE_CHECKING:
    from rich.console import Group


def describe(bundle: Bundle) -> dict[str, Any]:
    """The spec, artifacts with their figures, golden frames, card, what the engine auto took here, as a JSON object.

    Every file is hashed, the card apart.

    Raises:
        BundleError: a file is missing or was altered.
    """
    _verify(bundle)
    return {
        "bundle": str(bundle.folder),
        "spec": bundle.spec.to_json(),
        "artifacts": [{**artifact.to_json(), "verified": True} for artifact in bundle.artifacts],
        "golden": bundle.golden and {**bundle.golden.to_json(), "verified": True},
        "card": bundle.card and str(bundle.folder / bundle.card),
        "auto": _auto(bundle),
    }


def tables(bundle: Bundle) -> Group:
    """The same for a terminal: the spec, the classes in their colours, the artifacts.

    Raises:
        BundleError: a file is missing or was altered.
    """
    from rich.console import Group  # here, so that importing this module stays light
    from rich.table import Table
    from rich.text import Text

    _verify(bundle)
    spec = bundle.spec
    about = Table(title=Text(f"{spec.name}: {bundle.folder}"), show_header=False)
    about.add_row("input", f"{spec.width}x{spec.height} BGR uint8, {spec.resize}{', any size' if spec.dynamic else ''}")
    about.add_row("stride", str(spec.stride))
    classes = Text()
    for name, (red, green, blue) in zip(spec.classes, spec.palette, strict=True):
        classes.append("■ ", style=f"rgb({red},{green},{blue})").append(f"{name}  ")
    about.add_row("classes" if spec.head.exclusive else "labels that may overlap", classes)
    about.add_row("ignored id", "none" if spec.ignore is None else str(spec.ignore))
    about.add_row("licence", Text(spec.licence))
    about.add_row("golden frames", Text(_golden(bundle)))
    about.add_row("card", bundle.card or "none")
    for mode, choice in _auto(bundle).items():
        about.add_row(f"engine auto, {mode}", Text(choice or "not measured here yet: edgeseg run does"))

    artifacts = Table(title="artifacts (sha256 verified)")
    for column in ("file", "target", "precision", "MB", "sha256"):
        artifacts.add_column(column, overflow="fold")
    measured = Table(title="measured", show_header=False)
    for _ in ("what", "figures"):
        measured.add_column(overflow="fold")
    for artifact in bundle.artifacts:
        if artifact.measured.facts:
            measured.add_section()
            measured.add_row("", f"{artifact}, {artifact.file}", style="bold")
        for what, figures in artifact.measured.facts.items():
            measured.add_row(what, Text(_headline(figures)))
        artifacts.add_row(
            artifact.file,
            artifact.target,
            artifact.precision,
            f"{artifact.bytes / 1e6:.2f}",
            artifact.sha256[:12],
        )
    return Group(about, artifacts, *([measured] if measured.rows else []))


def _verify(bundle: Bundle) -> None:
    """Hashes every artifact and golden frame."""
    for artifact in bundle.artifacts:
        bundle.path(artifact)
    for _ in bundle.golden_frames():
        pass


def _golden(bundle: Bundle) -> str:
    if bundle.golden is None:
        return "none: what engines answer on this machine cannot be checked; edgeseg quantize and export put some in"
    return f"{len(bundle.golden.frames)} pictures of {bundle.golden.source}, {bundle.golden.bytes / 1e6:.2f} MB"


def _auto(bundle: Bundle) -> dict[str, str | None]:
    """What the engine auto takes on this machine, by mode; None where it would have to measure."""
    choices: dict[str, str | None] = {}
    for mode, threads in (("throughput", 1), ("latency", available_cores())):
        try:
            choice = remembered(bundle, threads=threads)
        except EdgeSegError:  # nothing for the CPU
            choice = None
        choices[mode] = None if choice is None else str(choice)
    return choices


def _headline(figures: Any) -> str:
    """The plain numbers and words of a measurement; what is nested is in bundle.json."""
    if not isinstance(figures, dict):
        return json.dumps(figures)
    plain = {key: value for key, value in figures.items() if type(value) in (str, int, float, bool)}
    texts = {key: f"{value:.5g}" if isinstance(value, float) else str(value) for key, value in plain.items()}
    return ", ".join(f"{key.replace('_', ' ')} {text}" for key, text in texts.items() if not key.endswith("sha256"))
