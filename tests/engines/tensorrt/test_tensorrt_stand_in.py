"""The stand-in against the real TensorRT-RTX, so that it cannot drift. Skipped where that is not installed."""

from __future__ import annotations

import inspect
import re

import pytest

from tests.engines.card import Card

trt = pytest.importorskip("tensorrt_rtx")

OFFERED = [
    "Runtime",
    "ILogger",
    "Builder",
    "OnnxParser",
    "INetworkDefinition",
    "ICudaEngine",
    "IExecutionContext",
    "IRuntimeConfig",
    "IRuntimeCache",
    "IBuilderConfig",
    "IOptimizationProfile",
]


@pytest.mark.parametrize("name", OFFERED)
def test_the_stand_in_offers_what_the_real_one_does(name: str) -> None:
    """Every method of the stand-in is there in TensorRT-RTX, with these arguments in this order."""
    from_stand_in = getattr(Card().trt, name)
    real = getattr(trt, name)
    methods = {key: value for key, value in vars(from_stand_in).items() if inspect.isfunction(value)}
    if name.startswith("I"):  # an interface, which nobody constructs
        methods.pop("__init__", None)
    assert methods
    for key, value in methods.items():
        text = getattr(real, key).__doc__
        mine = list(inspect.signature(value).parameters)[1:]
        theirs = [parameters(line) for line in re.findall(rf"{key}\((self.*?)\) ->", text)]
        assert any(fits(mine, each) for each in theirs), (key, mine, theirs)


def test_the_stand_in_has_the_real_ones_values() -> None:
    for name, values in (
        ("TensorIOMode", ("INPUT", "OUTPUT")),
        ("DataType", ("UINT8", "FLOAT", "HALF")),
        ("ILogger", ("INTERNAL_ERROR", "ERROR")),
        ("MemoryPoolType", ("WORKSPACE",)),
        ("ComputeCapability", ("SM75", "SM80")),
    ):
        assert all(hasattr(getattr(trt, name), value) for value in values)
    assert hasattr(trt.ICudaEngine, "num_io_tensors")
    assert all(hasattr(trt.INetworkDefinition, name) for name in ("num_layers", "num_inputs", "num_outputs"))
    assert hasattr(trt.IBuilderConfig, "num_compute_capabilities")
    assert hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")
    bits = {name: int(value) for name, value in trt.EngineInvalidityDiagnostics.__members__.items()}
    assert Card().trt.EngineInvalidityDiagnostics.__members__.items() <= bits.items()
    assert set(trt.EngineValidity.__members__) >= {"VALID", "INVALID"}
    assert trt.__name__ == "tensorrt_rtx"


def parameters(text: str) -> list[str]:
    """Names in a signature of pybind11, "self: A, name: str, shape: tuple = None"; those with a default end in "="."""
    flat = re.sub(r"\[[^\]]*\]|<[^>]*>", "", text)
    return [part.split(":")[0].strip() + ("=" if "=" in part else "") for part in flat.split(",")][1:]


def fits(mine: list[str], theirs: list[str]) -> bool:
    """The first arguments are the same, and there are no others that one must give."""
    same = [name.removesuffix("=") for name in theirs[: len(mine)]] == mine
    return same and all(name.endswith("=") for name in theirs[len(mine) :])
