"""PyTorch networks of other people become bundles, whose masks are theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgeseg
from edgeseg.commands.export import export_command
from edgeseg.errors import ExportError, SpecError, UsageError
from edgeseg_export.foreign.from_torch import export_module
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_torch import make_importable, network


def description() -> dict[str, Any]:
    return {
        "format": 1,
        "name": "city",
        "input": {
            "width": 64,
            "height": 48,
            "resize": "letterbox",
            "pad": 0,
            "dynamic": False,
            "colour": "RGB",
            "range": 1,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "stride": 4,
        "classes": ["a", "b", "c"],
        "palette": None,
        "ignore": None,
        "licence": "none",
    }


@pytest.fixture(autouse=True)
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_importable(tmp_path, monkeypatch)


def test_the_command_makes_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = network()
    torch.save({"state_dict": source.state_dict()}, tmp_path / "w.pt")
    (tmp_path / "spec.json").write_text(json.dumps(description()))
    out = tmp_path / "city"
    assert export_command("their_nets:Net", out=out, weights=tmp_path / "w.pt", spec=tmp_path / "spec.json") == 0
    assert "stand in 'state_dict'" in capsys.readouterr().err
    model = edgeseg.load(out)
    frame = sample_frames(None)[0]
    tensor = model.prepare(frame)
    with torch.no_grad():
        expected = source(torch.from_numpy(model_spec(description()).preparation(tensor))).numpy()
    np.testing.assert_allclose(model.logits(frame), expected, atol=1e-4 * np.abs(expected).max())


def test_one_of_several_outputs(tmp_path: Path) -> None:
    torch.save(network("Two").state_dict(), tmp_path / "w.pt")
    with pytest.raises(SpecError, match=r'gives out, aux; say with "output"'):
        export_module("their_nets:Two", tmp_path / "w.pt", model_spec(description()), tmp_path / "o", note=print)
    taken = model_spec({**description(), "output": "out"})
    bundle = export_module("their_nets:Two", tmp_path / "w.pt", taken, tmp_path / "o", note=print)
    assert bundle.artifacts[0].measured.facts["original"]["torch_max_difference"] < 1e-3


@pytest.mark.parametrize("name", ["Guess", "GuessLast"])
def test_networks_that_guess_are_refused(tmp_path: Path, name: str) -> None:
    torch.save(network(name).state_dict(), tmp_path / "w.pt")
    with pytest.raises(ExportError, match="disagrees with PyTorch"):
        export_module(f"their_nets:{name}", tmp_path / "w.pt", model_spec(description()), tmp_path / "o", note=print)
    assert not (tmp_path / "o").exists()


def test_control_flow_by_values_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = model_spec(description())
    with pytest.raises(ExportError, match=r"by the values that it computes.*; write torch\.where for an if") as raised:
        export_module("their_nets:Branching", None, spec, tmp_path / "b", note=print)
    assert "\n" not in str(raised.value)
    assert capsys.readouterr().err == ""  # torch prints the whole graph there


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs --spec spec\.json, and --weights FILE"):
        export_command("their_nets:Net", out=tmp_path / "o")
    with pytest.raises(UsageError, match="go with our weights"):
        export_command("their_nets:Net", out=tmp_path / "o", weights=tmp_path, spec=tmp_path, dynamic=True)
    with pytest.raises(UsageError, match="leave them out"):
        export_command("w.safetensors", out=tmp_path / "o", spec=tmp_path)


def test_the_factorys_own_weights_serve_where_no_file_is_given(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(description()))
    said: list[str] = []
    digests = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        bundle = export_module("their_nets:Net", None, model_spec(description()), tmp_path / "out", note=said.append)
        digests.append(bundle.artifacts[0].measured.facts["original"]["sha256"])
    assert digests[0] == digests[1] != digests[2]
    assert said[0] == "no --weights: they are those that their_nets:Net makes, random ones unless it loads some"
    with pytest.raises(UsageError, match="--ignore-keys goes with --weights"):
        export_command("their_nets:Net", spec=tmp_path / "spec.json", out=tmp_path / "out", ignore_keys=("loss.*",))
