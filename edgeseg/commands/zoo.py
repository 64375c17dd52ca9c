"""`edgeseg zoo`: the bundles that come with edgeseg, the networks that can be trained, and what is known of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeseg.artifact import SHIPPED
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.json_fields import print_json
from edgeseg.measured import Evaluation, HeldOut, Network

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

WIDTH, HEIGHT = 480, 360
"""The frame for which multiply-accumulates are counted: CamVid's."""

CLASSES = 11
"""CamVid's."""


def zoo_command(*, json: bool = False) -> int:
    """List the shipped bundles and the networks to train.

    With the figures of each, and the commands that measure or train it.

    Args:
        json: print one JSON object on stdout, and nothing else.
    """
    bundles, networks = list_bundles(), list_networks()
    if json:
        print_json({"input": f"{WIDTH}x{HEIGHT}", "bundles": bundles, "networks": networks})
        return 0
    from edgeseg.terminal import make_console

    console = make_console()
    console.print(bundle_table(bundles) if bundles else "No bundle comes with this edgeseg.")
    if networks is None:
        needed = "To list the networks that can be trained, pip install 'edgeseg[train]'."
        console.print(needed, markup=False, soft_wrap=True)
    else:
        console.print(network_table(networks))
    return 0


def list_bundles() -> list[dict[str, Any]]:
    """A JSON object for every artifact that comes with edgeseg: its size, what was measured on it, how to repeat that.

    "network" is what the artifact carries of the network that it was made from: name, width, parameters, macs;
    "fine_tune" the command that trains it further.

    Raises:
        BundleError: a bundle is damaged.
    """
    rows = []
    for name in shipped():
        bundle = Bundle.open(SHIPPED / name)
        for artifact in bundle.artifacts:
            network, evaluation = artifact.measured.get(Network), artifact.measured.get(Evaluation)
            test = artifact.measured.get(HeldOut)
            split = f" --split {evaluation.split}" if evaluation and evaluation.split else ""
            rows.append(
                {
                    "bundle": name,
                    "target": artifact.target,
                    "precision": artifact.precision,
                    "bytes": artifact.bytes,
                    "network": network and network.to_json(),
                    "evaluation": evaluation and evaluation.to_json(),
                    "test": test and test.to_json(),
                    "command": f"edgeseg eval DATA --bundle {name}{split}",
                    "fine_tune": network and _fine_tune(name, network),
                }
            )
    return rows


def _fine_tune(bundle: str, network: Network) -> str:
    width = "" if network.width == 1 else f" --width {network.width:g}"
    return f"edgeseg train {network.name}{width} --start {bundle} --data DATA --out OUT"


def list_networks() -> list[dict[str, Any]] | None:
    """A JSON object for every network that can be trained, counted on the network itself; None without torch."""
    try:
        import torch

        from edgeseg.models import NETWORKS
        from edgeseg.models.count import count_macs, count_parameters
        from edgeseg.models.published import PUBLISHED
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "safetensors"):
            raise
        return None
    rows = []
    for name, factory in NETWORKS.items():
        with torch.device("meta"):  # shapes alone: nothing is drawn or computed
            network = factory(CLASSES)
        published = PUBLISHED.get(name)
        rows.append(
            {
                "network": name,
                "parameters": count_parameters(network),
                "macs": count_macs(network, WIDTH, HEIGHT),
                "stride": factory.strides[0],
                "start": "ImageNet" if hasattr(factory, "load_pretrained") else "random",
                "published": asdict(published) if published else None,
                "command": f"edgeseg train {name} --data DATA --out OUT",
            }
        )
    return rows


def bundle_table(rows: list[dict[str, Any]]) -> Group:
    """What `list_bundles` gives, for a terminal."""
    table = _table(
        "bundles that are shipped; M: million parameters; mIoU and boundary F1 in %",
        ("bundle", "artifact"),
        ("MB", "M", "GMAC", "mIoU", "F1", "split"),
    )
    tested = []
    for row in rows:
        artifact = f"{row['target']} {row['precision']}"
        figures, network = row["evaluation"] or {}, row["network"]
        table.add_row(
            row["bundle"],
            artifact,
            f"{row['bytes'] / 1e6:.1f}",
            *((size.removesuffix("M") for size in _size(network)) if network else ("-", "-")),
            *(_percent(figures.get(key)) for key in ("miou", "boundary_f1")),
            (figures["split"] or "whole") if figures else "-",
        )
        if row["test"]:
            tested.append(f"{row['bundle']}, {artifact}: {_percent(row['test']['miou'])} %")
    commands = dict.fromkeys(row["command"] for row in rows)
    fine_tune = [row["fine_tune"] for row in rows if row["fine_tune"]]
    return _with_lists(table, {"mIoU on a test split, held out": tested, "measure": commands, "fine-tune": fine_tune})


def network_table(rows: list[dict[str, Any]]) -> Group:
    """What `list_networks` gives, for a terminal."""
    table = _table(
        f"networks that can be trained, for {CLASSES} classes at {WIDTH}x{HEIGHT}",
        ("network", "start"),
        ("parameters", "GMAC", "logits", "published %"),
    )
    sources = []
    for row in rows:
        published = row["published"]
        figure = "-"
        if published:
            mark = "" if published["comparable"] else "*"
            figure = _percent(published["miou"]) + mark
            sources.append(f"{row['network']}{mark}: {published['source']}")
        table.add_row(row["network"], row["start"], *_size(row), f"1/{row['stride']}", figure)
    commands = [row["command"] for row in rows]
    return _with_lists(table, {"train": commands, "published mIoU on CamVid's test split (*not comparable)": sources})


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for header in words:
        table.add_column(header, overflow="fold")
    for header in numbers:
        table.add_column(header, justify="right", overflow="fold")
    return table


def _with_lists(table: Table, lists: Mapping[str, Collection[str]]) -> Group:
    from rich.console import Group
    from rich.text import Text

    lines = []
    for heading, entries in lists.items():
        if entries:
            lines += [f"{heading}:", *(f"  {each}" for each in entries)]
    return Group(table, Text("\n".join([*lines, ""]), overflow="fold"))


def _size(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row['parameters'] / 1e6:.2f}M", f"{row['macs'] / 1e9:.2f}"


def _percent(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1f}"
