"""The native kernels; call them through edgeseg.kernels."""

from typing import Annotated

import numpy
from numpy.typing import NDArray


def instruction_set() -> str:
    """Name of the instruction set that the kernels use."""

def instruction_sets() -> list[str]:
    """Names of those that this processor runs, plainest first."""

def set_instruction_set(name: str) -> None:
    """
    Uses another one, for the whole process: results are the same, bit for bit.
    """

def resize(frame: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu', writable=False)], out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu')]) -> None: ...

def argmax(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], rect: tuple[float, float, float, float], out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), device='cpu')]) -> None: ...

def argmax_unpruned(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], rect: tuple[float, float, float, float], out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), device='cpu')]) -> None: ...

def labels(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], rect: tuple[float, float, float, float], out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), order='C', device='cpu')]) -> None: ...

def margin(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], rect: tuple[float, float, float, float], out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]) -> None: ...

def smooth(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], weight: float, average: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')]) -> None: ...

def overlay(logits: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], rect: tuple[float, float, float, float], frame: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu', writable=False)], palette: Annotated[NDArray[numpy.uint8], dict(shape=(None, 3), order='C', device='cpu', writable=False)], alpha: float, out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu')], mask: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), device='cpu')] | None) -> None: ...

def blend(mask: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), device='cpu', writable=False)], frame: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu', writable=False)], palette: Annotated[NDArray[numpy.uint8], dict(shape=(None, 3), order='C', device='cpu', writable=False)], alpha: float, out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu')]) -> None: ...

def blend_labels(masks: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], frame: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu', writable=False)], palette: Annotated[NDArray[numpy.uint8], dict(shape=(None, 3), order='C', device='cpu', writable=False)], alpha: float, out: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None), device='cpu')]) -> None: ...
