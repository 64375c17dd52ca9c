"""What this machine has for TensorRT: the product itself, pycuda with NVIDIA's driver, and a card."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from edgeseg.errors import EngineError
from edgeseg.extras import TENSORRT


def products() -> list[ModuleType]:
    """Full TensorRT, and the one for RTX cards, as far as they are installed.

    Raises:
        EngineError: neither is.
    """
    modules, missing = [], []
    for name in ("tensorrt", "tensorrt_rtx"):
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            missing.append(str(error))
    if not modules:
        raise EngineError(
            f"TensorRT is not installed ({'; '.join(missing)}); {TENSORRT} or 'edgeseg[tensorrt-rtx]'"
        )
    return modules


def driver() -> Any:
    """The module pycuda.driver, initialised.

    Raises:
        EngineError: pycuda or NVIDIA's driver is not there.
    """
    try:
        cuda = importlib.import_module("pycuda.driver")
    except ImportError as error:
        raise EngineError(
            f"engine tensorrt cannot start ({error}); install NVIDIA's driver and pip install 'edgeseg[tensorrt]'"
        ) from error
    try:
        cuda.init()
    except cuda.Error as error:
        raise EngineError(f"there is no NVIDIA card that can be used ({error}); is its driver installed?") from error
    return cuda


def first_card(cuda: Any) -> Any:
    """pycuda's Device of the first card.

    Raises:
        EngineError: there is none.
    """
    try:
        return cuda.Device(0)
    except cuda.Error as error:
        raise EngineError(f"there is no NVIDIA card that can be used ({error}); is it switched on?") from error
