"""PyTorch networks of other people: their checkpoints, their outputs, and a pickle that must not run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor, nn

import edgeseg
from edgeseg.commands.export import export_command
from edgeseg.errors import EdgeSegError, ExportError, SpecError, UsageError, WeightsError
from edgeseg_export.foreign.from_torch import export_module
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.foreign.open_torch import load_into, make_network, state_digest
from edgeseg_export.frames import sample_frames

SOURCE = '''
import warnings

import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Conv2d(8, 3, 3, 2, 1)

    def forward(self, x):
        return self.head(self.body(x))

class Two(Net):
    def forward(self, x):
        x = self.body(x)
        return {"out": self.head(x), "aux": x}

class Guess(Net):
    def forward(self, x):
        return super().forward(x) * torch.rand(1)

class GuessLast(Guess):
    def forward(self, x):
        x = super().forward(x)
        return torch.cat([x[:, :2], torch.full_like(x[:, :1], -1e6)], 1).permute(0, 2, 3, 1)

class Branching(Net):
    def forward(self, x):
        scores = super().forward(x)
        return scores * 2 if scores.mean() > 0 else scores

class Tied(Net):
    def __init__(self):
        super().__init__()
        self.again = nn.Conv2d(3, 8, 3, 2, 1)
        self.again.weight = self.body[0].weight
        self.again.bias = self.body[0].bias

def parallel():
    return nn.DataParallel(Net())

def compiled():
    return torch.compile(Net())

def partly_compiled():
    network = Net()
    network.body = torch.compile(network.body)
    return network

def twice_compiled():
    network = Net()
    network.body = network.again = torch.compile(network.body)
    return network

class Ordered(Net):
    def __init__(self):
        super().__init__()
        self.order = nn.Parameter(torch.tensor([2, 1, 0]), requires_grad=False)

def broken():
    raise RuntimeError("no such size")

def number():
    return 3

class Extra(Net):
    version = 1

    def get_extra_state(self):
        return {"version": self.version}

    def set_extra_state(self, state):
        self.version = state["version"]

def lazy():
    return nn.Sequential(nn.LazyConv2d(8, 3, 4, 1), nn.ReLU(), nn.LazyConv2d(3, 1))

def ends():
    raise SystemExit(2)

def scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(nn.Sequential(nn.Conv2d(3, 3, 4, 4)))

def program():
    return torch.export.export(Net().eval(), (torch.zeros(1, 3, 48, 64),)).module()
'''


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
    """Makes the module `their_nets` importable, from the current folder."""
    (tmp_path / "their_nets.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "their_nets", raising=False)


def network(name: str = "Net") -> nn.Module:
    torch.manual_seed(4)
    made = make_network(f"their_nets:{name}")
    with torch.no_grad():
        for tensor in made.state_dict().values():
            if isinstance(tensor, Tensor) and tensor.dtype == torch.float32:
                tensor.uniform_(0.1, 1.0)
    return made


def same(one: nn.Module, other: nn.Module) -> bool:
    found = other.state_dict()
    return all(torch.equal(value, found[name]) for name, value in one.state_dict().items())


WRAPPERS: dict[str, tuple[Callable[[dict[str, Tensor]], Any], list[str]]] = {
    "plain": (lambda state: state, []),
    "state_dict": (lambda state: {"state_dict": state, "epoch": 3}, ["stand in 'state_dict'"]),
    "deep": (lambda state: {"checkpoint": {"model": state}}, ["stand in 'checkpoint.model'"]),
    "module.": (lambda state: {f"module.{name}": tensor for name, tensor in state.items()}, ["start with 'module.'"]),
    "both": (
        lambda state: {"model": {f"net.module.{name}": tensor for name, tensor in state.items()}, "loss": {}},
        ["stand in 'model'", "start with 'net.module.'"],
    ),
    "beside": (
        lambda state: {"optimizer": {"momentum": torch.zeros(2)}, "weights": state},
        ["stand in 'weights' (beside optimizer)"],
    ),
    "a compiled part": (
        lambda state: {name.replace("body.", "body._orig_mod."): tensor for name, tensor in state.items()},
        ["hold '_orig_mod.' of torch.compile"],
    ),
    "beside a compiled one": (
        lambda state: {"model": state, "other": {"_orig_mod.x": torch.zeros(2)}},
        ["stand in 'model' (beside other)"],
    ),
    "without counters": (lambda state: {n: t for n, t in state.items() if "num_batches" not in n}, []),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_and_prefixes_are_found_and_said(tmp_path: Path, name: str) -> None:
    wrap, sentences = WRAPPERS[name]
    source, target = network(), make_network("their_nets:Net")
    torch.save(wrap(source.state_dict()), tmp_path / "w.pt")
    notes = load_into(target, tmp_path / "w.pt")
    assert same(source, target)
    assert len(notes) == len(sentences)
    assert all(sentence in note for sentence, note in zip(sentences, notes, strict=True))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_safetensors_are_read(tmp_path: Path, name: str) -> None:
    source, target = network(), make_network("their_nets:Net")
    save_file(source.state_dict(), tmp_path / name)
    assert load_into(target, tmp_path / name) == []
    assert same(source, target)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_spoilt_weights_are_named(tmp_path: Path, value: float) -> None:
    weights = network().state_dict()
    weights["head.weight"][0, 0, 0, 0] = value
    torch.save(weights, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"w\.pt holds NaN or infinity in 1 tensor, the first head\.weight;"):
        load_into(make_network("their_nets:Net"), tmp_path / "w.pt")


def test_a_checkpoint_is_read_by_whatever_name(tmp_path: Path) -> None:
    source, target = network(), make_network("their_nets:Net")
    torch.save(source.state_dict(), tmp_path / "w.safetensors")
    assert load_into(target, tmp_path / "w.safetensors") == []
    assert same(source, target)


def test_weights_of_two_names_may_stand_under_one(tmp_path: Path) -> None:
    source, target = network("Tied"), make_network("their_nets:Tied")
    save_model(source, str(tmp_path / "w.safetensors"))
    assert load_into(target, tmp_path / "w.safetensors") == []
    assert same(source, target)


def test_a_parameter_of_integers_takes_integers(tmp_path: Path) -> None:
    source, target = network("Ordered"), make_network("their_nets:Ordered")
    torch.save({**source.state_dict(), "order": torch.tensor([0, 2, 1])}, tmp_path / "w.pt")
    assert load_into(target, tmp_path / "w.pt") == []
    assert target.state_dict()["order"].tolist() == [0, 2, 1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, of itself
@pytest.mark.parametrize("factory", ["parallel", "compiled", "partly_compiled", "twice_compiled"])
def test_networks_are_taken_out_of_what_stands_around_them(tmp_path: Path, factory: str) -> None:
    source, target = network(), make_network(f"their_nets:{factory}")
    torch.save(source.state_dict(), tmp_path / "w.pt")
    assert load_into(target, tmp_path / "w.pt") == []
    assert same(source, target)
    assert not [name for name in target.state_dict() if "_orig_mod" in name]


WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "missing": (lambda state: {n: t for n, t in state.items() if n != "head.bias"}, r"1 missing \(head.bias\)"),
    "unexpected": (lambda state: {**state, "aux.weight": torch.zeros(1)}, r"1 unexpected \(aux.weight\)"),
    "shape": (lambda state: {**state, "head.bias": torch.zeros(7)}, r"head.bias \(7,\) instead of \(3,\)"),
    "none": (lambda state: {f"x{n}": t for n, t in enumerate(state.values())}, r"8 missing .*, \.\.\.\), 9 unexpected"),
    "levels": (
        lambda state: {**state, "head.weight": state["head.weight"].to(torch.int8)},
        r"1 not of floats, as quantised ones are \(head.weight int8\); give the weights before quantisation",
    ),
    "no values": (lambda state: {**state, "head.bias": state["head.bias"].to("meta")}, "Cannot copy out of meta"),
    "two": (lambda state: {"model": state, "ema": state}, "in model and ema; save the one"),
    "no tensors": (lambda state: {"epoch": len(state)}, "no dictionary of tensors"),
    "list": (lambda state: list(state.values()), "no dictionary of tensors"),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_do_not_fit_are_listed(tmp_path: Path, name: str) -> None:
    wrap, message = WRONG[name]
    torch.save(wrap(network().state_dict()), tmp_path / "w.pt")
    target = network()
    with pytest.raises(WeightsError, match=message):
        load_into(target, tmp_path / "w.pt")
    assert same(target, network())


class Planted:
    """A pickle that makes a file when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch planted",)


def test_pickles_are_never_executed(tmp_path: Path) -> None:
    torch.save({"state_dict": network().state_dict(), "extra": Planted()}, tmp_path / "hidden.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Planted()))
    torch.save(network(), tmp_path / "whole.pt")
    reasons = {"hidden": "asks for .*system", "bare": "torch refuses it", "whole": "asks for their_nets"}
    for name, reason in reasons.items():
        with pytest.raises(WeightsError, match=f"more than plain weights.*{reason}.*nothing in it was executed"):
            load_into(network(), tmp_path / f"{name}.pt")
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("content", [b"", b"hello world", b"PK\x03\x04broken", bytes(range(256))])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name} is ") as raised:
            load_into(network(), tmp_path / name)
        assert "\n" not in str(raised.value)
    with pytest.raises(WeightsError, match="no weights file"):
        load_into(network(), tmp_path / "none.pt")
    with pytest.raises(WeightsError, match="is a folder, expected a file of weights"):
        load_into(network(), tmp_path)


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        ("their_nets", UsageError, "package.module:factory"),
        ("their_nets.py:Net", UsageError, "a path, expected a module's name, as import takes it: their_nets:Net"),
        ("./nets/theirs.py:Net", UsageError, "as import takes it: nets.theirs:Net"),
        ("nowhere.nets:Net", UsageError, "no module nowhere.nets"),
        ("their_nets:Missing", UsageError, "has no Missing"),
        ("their_nets:broken", ExportError, "RuntimeError: no such size"),
        ("their_nets:number", ExportError, "gives a int"),
        ("their_nets:ends", ExportError, "SystemExit: 2"),
        ("their_script:Net", ExportError, "is a script, which ends when imported"),
        ("their_nets:scripted", ExportError, "gives TorchScript"),
        ("their_nets:program", ExportError, r"program of torch.export; write it by torch.onnx.export"),
    ],
)
def test_factories_that_make_no_network(factory: str, error: type[EdgeSegError], message: str) -> None:
    Path("their_script.py").write_text("raise SystemExit(2)  # as argparse does")
    with pytest.raises(error, match=message):
        make_network(factory)


def test_digests_are_of_the_weights_alone() -> None:
    plain, extra = network(), network("Extra")
    torch.save(plain.state_dict(), "w.pt")
    digest = state_digest(plain)
    for weights in (each for each in plain.parameters() if each.ndim == 4):
        weights.data = weights.data.contiguous(memory_format=torch.channels_last)
    assert digest == state_digest(extra) == state_digest(plain)
    assert load_into(make_network("their_nets:Extra"), Path("w.pt")) == []


def test_extra_state_of_layers_comes_with_the_weights() -> None:
    source, target = network("Extra"), make_network("their_nets:Extra")
    source.version = 2  # type: ignore[assignment]
    torch.save({"model": source.state_dict()}, "w.pt")
    assert len(load_into(target, Path("w.pt"))) == 1
    assert state_digest(source) == state_digest(target)
    assert target.version == 2
    torch.save({**source.state_dict(), "_extra_state": None}, "w.pt")
    with pytest.raises(WeightsError, match=r"does not take w\.pt: TypeError"):
        load_into(target, Path("w.pt"))
    with pytest.raises(WeightsError, match="1 unexpected"):
        load_into(network(), Path("w.pt"))


def test_layers_without_a_size_take_that_of_the_weights() -> None:
    source, target = (make_network("their_nets:lazy") for _ in range(2))
    source(torch.zeros(1, 3, 48, 64))
    torch.save(source.state_dict(), "w.pt")
    load_into(target, Path("w.pt"))
    assert same(source, target)


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


def test_surplus_names_are_left_out_as_asked_and_printed(tmp_path: Path) -> None:
    network = make_network("their_nets:Net")
    state = network.state_dict() | {"loss.weight": torch.ones(2), "loss.bias": torch.ones(1), "aux": torch.ones(1)}
    torch.save(state, tmp_path / "more.pt")
    with pytest.raises(WeightsError, match=r"3 unexpected .*; if it needs none of these, .* --ignore-keys 'loss\.\*'"):
        load_into(network, tmp_path / "more.pt")
    with pytest.raises(WeightsError, match=r"1 unexpected \(aux\); .*--ignore-keys 'aux'"):
        load_into(network, tmp_path / "more.pt", ["loss.*"])
    with pytest.raises(WeightsError, match=r"no name in .*more\.pt fits --ignore-keys 'lost\.\*'"):
        load_into(network, tmp_path / "more.pt", ["lost.*"])
    with pytest.raises(WeightsError, match=r"--ignore-keys '\*' fits body\.0\.weight, which the network needs"):
        load_into(network, tmp_path / "more.pt", ["*"])
    notes = load_into(network, tmp_path / "more.pt", ["loss.*", "aux"])
    assert notes == ["left out of more.pt: loss.weight, loss.bias, aux"]


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
