"""What a bundle is, for people (`edgeseg inspect`) and for programs (`--json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg.auto import remembered
from edgeseg.bundle import Bundle
from edgeseg.counted import counted
from edgeseg.errors import EdgeSegError
from edgeseg.processor import available_cores
from edgeseg.signature import AGAIN, read_signature
from edgeseg.trust import find_trust, is_current

if TYPE_CHECKING:
    from rich.console import Group


def describe(bundle: Bundle, trust: Path | None = None) -> dict[str, Any]:
    """The spec, artifacts and their figures, golden frames, card, who signed it, what auto took here, as JSON.

    Every file is hashed.

    Args:
        bundle: opened.
        trust: a public key or a folder of some, to know signers by, in place of those in the trust folders.

    Raises:
        BundleError: a file is missing or was altered, or a signature is not the one of the key that it names.
        UsageError: a key or a trust folder is not in order.
    """
    bundle.verify()
    return {
        "bundle": str(bundle.folder),
        "spec": bundle.spec.to_json(),
        "artifacts": [{**artifact.to_json(), "consistent": True} for artifact in bundle.artifacts],
        "golden": bundle.golden and {**bundle.golden.to_json(), "consistent": True},
        "card": bundle.card and str(bundle.folder / bundle.card),
        "signature": _signature_json(bundle, trust),
        "auto": _auto(bundle),
    }


def tables(bundle: Bundle, trust: Path | None = None) -> Group:
    """The same for a terminal: the spec, the classes in their colours, the artifacts.

    Raises:
        BundleError: as `describe`.
        UsageError: as `describe`.
    """
    from rich.console import Group  # here, so that importing this module stays light
    from rich.table import Table
    from rich.text import Text

    bundle.verify()
    spec = bundle.spec
    about = Table(title=Text(f"{spec.name}: {bundle.folder}"), show_header=False)
    for _ in ("what", "which"):
        about.add_column(overflow="fold")
    batch = "" if spec.batch == 1 else f", up to {spec.batch} at once"
    size = ", any size" if spec.dynamic else ""
    about.add_row("input", f"{spec.width}x{spec.height} BGR uint8, {spec.resize}{size}{batch}")
    about.add_row("stride", str(spec.stride))
    classes = Text()
    for name, (red, green, blue) in zip(spec.classes, spec.palette, strict=True):
        classes.append("■ ", style=f"rgb({red},{green},{blue})").append(f"{name}  ")
    about.add_row("classes" if spec.head.exclusive else "labels that may overlap", classes)
    about.add_row("ignored id", "none" if spec.ignore is None else str(spec.ignore))
    about.add_row("licence", Text(spec.licence))
    about.add_row("golden frames", Text(_golden(bundle)))
    about.add_row("card", bundle.card or "none")
    about.add_row("signature", Text(signature_line(bundle, trust)))
    for mode, choice in _auto(bundle).items():
        about.add_row(f"engine auto, {mode}", Text(choice or "not measured here yet: edgeseg run does"))

    artifacts = Table(title="artifacts (sha256 consistent)")
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


def _golden(bundle: Bundle) -> str:
    if bundle.golden is None:
        return "none: what engines answer on this machine cannot be checked; edgeseg quantize and export add some"
    pictures = counted(len(bundle.golden.frames), "picture")
    return f"{pictures} of {bundle.golden.source}, {bundle.golden.bytes / 1e6:.2f} MB"


def signature_line(bundle: Bundle, trust: Path | None = None) -> str:
    """Who signed a bundle, in a line for people.

    Raises:
        BundleError: a signature is not the one of the key that it names.
        UsageError: a key or a trust folder is not in order.
    """
    signature = _signature_json(bundle, trust)
    if signature is None:
        return "none: nothing shows who made it"
    version = f", version {signature['version']}"
    if not signature["current"]:
        return f"ended: the bundle has changed since it was signed{version}; {AGAIN}"
    names = [f"signed by {each['name']} ({each['fingerprint']})" for each in signature["signers"] if each["name"]]
    names += [f"a key not trusted here ({each['fingerprint']})" for each in signature["signers"] if not each["name"]]
    return "; ".join(names) + version


def _signature_json(bundle: Bundle, trust: Path | None) -> dict[str, Any] | None:
    """The version, whether the bundle is still as it was signed, and the signers; None where it never was signed."""
    signature = read_signature(bundle.folder)
    current = signature is not None and is_current(bundle, signature)
    # What was named is read even where it can tell nothing: a name that leads nowhere would pass for an unknown signer.
    keys = find_trust(trust).keys() if current or trust is not None else []
    if signature is None:
        return None
    names = {key.fingerprint: key.name for key in signature.signers(keys)} if current else {}
    signers = [{"fingerprint": each, "name": names.get(each)} for each in signature.signatures]
    return {"version": signature.statement.version, "current": current, "signers": signers}


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
