from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from edgeseg import bundle_index
from edgeseg.bundle import Bundle
from edgeseg.commands import zoo
from edgeseg.measured import Evaluation, Network
from edgeseg.models import NETWORKS
from edgeseg.models.published import PUBLISHED
from edgeseg.spec import Spec


@pytest.fixture
def shipped(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], monkeypatch: pytest.MonkeyPatch
) -> Bundle:
    """A bundle in the place of those that come with edgeseg, measured."""
    for module in (bundle_index, zoo):
        monkeypatch.setattr(module, "SHIPPED", tmp_path)
    bundle = make_bundle(tmp_path / "tiny", spec)
    bundle = bundle.record(bundle.artifacts[0], Network("unet", 0.1, 123_456, 500_000_000))
    evaluation = Evaluation(
        miou=61.23,
        iou={},
        pixel_accuracy=90.0,
        class_accuracy=70.0,
        boundary_f1=math.nan,
        class_boundary_f1={},
        images=7,
        split="val",
        data_sha256=None,
    )
    return bundle.record(bundle.artifacts[0], evaluation)


def _text(table: object) -> str:
    console = Console(width=240)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_shipped_bundles_show_what_they_carry(shipped: Bundle) -> None:
    (row,) = zoo.list_bundles()
    assert row["evaluation"] == shipped.artifacts[0].measured.facts["evaluation"]
    assert row["command"] == "edgeseg eval DATA --bundle tiny --split val"
    assert row["fine_tune"] == "edgeseg train unet --width 0.1 --start tiny --data DATA --out OUT"
    assert row["fine_tune"] in _text(zoo.bundle_table([row]))
    line = next(line for line in _text(zoo.bundle_table([row])).splitlines() if "│ tiny" in line)
    assert [cell.strip() for cell in line.split("│")[3:9]] == ["0.0", "0.12", "0.50", "61.2", "-", "val"]


def test_every_network_is_listed_and_counted() -> None:
    rows = zoo.list_networks()
    assert rows is not None
    assert [row["network"] for row in rows] == list(NETWORKS)
    by_name = {row["network"]: row for row in rows}
    assert by_name["segnet"]["parameters"] == pytest.approx(29.45e6, rel=1e-3)
    # 172800 pixels, 3x3: 3 to 32 channels, six times 32 to 32, then 1x1 to 11 classes
    assert by_name["simple-cnn"]["macs"] == 172800 * (27 * 32 + 6 * 9 * 32 * 32 + 32 * 11)
    pretrained = {name for name, row in by_name.items() if row["start"] == "ImageNet"}
    assert pretrained == {"lite-fpn", "lite-fpn-nano", "lite-fpn-nano-fused", "lite-fpn-fused", "lite-fpn-large"}
    assert set(PUBLISHED) <= set(NETWORKS)
    text = _text(zoo.network_table(rows))
    assert "edgeseg train fast-scnn --data DATA --out OUT" in text
    assert "*not comparable" in text


def test_shipped_bundles_and_networks_fit_into_80_columns() -> None:
    rows = zoo.list_networks()
    assert rows is not None
    wide, narrow = Console(width=400), Console(width=80)
    for table in (zoo.bundle_table(zoo.list_bundles()), zoo.network_table(rows)):
        shown = []
        for console in (wide, narrow):
            with console.capture() as captured:
                console.print(table)
            shown.append([line.rstrip() for line in captured.get().splitlines()])
        assert shown[0] == shown[1]  # nothing is folded


@pytest.mark.parametrize("flag", ["", "json=True"])
def test_without_torch_the_bundles_are_listed_still(flag: str) -> None:
    code = f"import sys; sys.modules['torch'] = None; from edgeseg.commands.zoo import zoo_command; zoo_command({flag})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    if flag:
        listed = json.loads(result.stdout)
        assert listed["networks"] is None
        assert len(listed["bundles"]) == len(zoo.list_bundles())
    else:
        assert "pip install 'edgeseg[train]'" in result.stdout
