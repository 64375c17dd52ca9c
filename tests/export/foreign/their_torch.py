"""Networks of other people as PyTorch has them: the source of a module, and one of its networks with weights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgeseg_export.foreign.open_torch import make_network

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


def make_importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the module `their_nets` importable from the folder, which becomes the current one."""
    (folder / "their_nets.py").write_text(SOURCE)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "their_nets", raising=False)


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
