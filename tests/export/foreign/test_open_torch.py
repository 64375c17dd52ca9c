"""Weights of other people: their checkpoints, their factories, and a pickle that must not run."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor

from edgeseg.errors import EdgeSegError, ExportError, UsageError, WeightsError
from edgeseg_export.foreign.open_torch import load_into, make_network, state_digest
from tests.export.foreign.their_torch import make_importable, network, same


@pytest.fixture(autouse=True)
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_importable(tmp_path, monkeypatch)


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
