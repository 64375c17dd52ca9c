"""Engines: one file a runtime, imported when it is asked for.

A new runtime is one new file here (or a folder, whose engine.py is that file), with two things in it:

    TARGET = "onnxruntime"                          the artifacts that it reads
    def open(path, content, spec, threads) -> Engine: ...    loads one, and checks that it keeps the spec

It is given the bytes of the file, which were checked, and never opens a file itself: the path is for messages.

A runtime that can work in several ways names them in VARIANTS, and its `open` takes one more argument:
"onnxruntime:cuda" asks for the variant "cuda". Files whose names start with "_" are no runtimes.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pkgutil
import weakref
from numbers import Integral
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from edgeseg.arrays import Image, Logits, Mask
from edgeseg.artifact import OnnxModel, check_model, read_model
from edgeseg.engines._trial import try_model
from edgeseg.errors import EdgeSegError, EngineError
from edgeseg.processor import most_threads
from edgeseg.spec import Rect, Spec

MOST_THREADS = most_threads()
"""For one inference."""

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
"""All that are loaded."""


class Engine(Protocol):
    """A runtime with a loaded artifact. Several threads may call `infer` at once."""

    @property
    def name(self) -> str:
        """The runtime, "onnxruntime"."""

    @property
    def threads(self) -> int:
        """Threads that one `infer` runs on."""

    def infer(self, tensor: Image) -> Logits:
        """Logits (N, C, h, w), float32, of a tensor (N, H, W, 3), uint8, BGR; the caller owns the result.

        N is 1, or up to the `batch` of a BatchEngine.

        Raises:
            FrameError: the tensor has another shape or dtype.
            EngineError: the runtime failed, or is closed.
        """

    def close(self) -> None:
        """Frees the runtime's memory; closing twice is no error, and an `infer` that is running ends as if alone."""


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that takes several pictures at once."""

    @property
    def batch(self) -> int:
        """How many at most: the spec's batch."""


@runtime_checkable
class MaskEngine(Engine, Protocol):
    """An engine whose device may make masks too, so that the logits need not leave it."""

    @property
    def makes_masks(self) -> bool:
        """Whether it does, here."""

    def mask(self, tensor: Image, width: int, height: int, rect: Rect) -> Mask:
        """What `edgeseg.kernels` makes of what `infer` gives, bit for bit; the caller owns it.

        It is the `argmax`, class ids (height, width); of a spec whose labels may overlap, `labels`, (L, height, width).

        Raises:
            FrameError: the tensor has another shape or dtype, or the logits hold NaN or infinity.
            EngineError: the runtime failed, or is closed.
        """


class Runtime(Protocol):
    """What each file in this folder offers."""

    TARGET: str

    def open(self, path: Path, content: bytes, spec: Spec, threads: int, *variant: str) -> Engine:
        """Loads an artifact.

        Args:
            path: that it came from, for messages and names in the cache; nothing is read there.
            content: an ONNX file that stands for itself.
            spec: that it must keep.
            threads: for one inference.
            variant: one of the runtime's, if any.

        Raises:
            EngineError: the runtime refuses the artifact, or the artifact breaks the spec.
        """


def runtime(name: str, *, auto: bool = False) -> Runtime:
    """The runtime of that name, which may end in a variant.

    Args:
        name: of it.
        auto: whether "auto" could have been given in its place, which the sentence then offers too.

    Raises:
        EngineError: there is no such runtime or variant, or its package is not installed.
    """
    whole = name
    name, colon, variant = name.partition(":")
    runtimes = {each.name: each for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_")}
    if name not in runtimes:
        names = [*(["auto"] if auto else []), *sorted(runtimes)]
        raise EngineError(f"no engine {whole!r}; choose one of {', '.join(names)}")
    module = f"{__name__}.{name}.engine" if runtimes[name].ispkg else f"{__name__}.{name}"
    try:
        implementation = cast(Runtime, importlib.import_module(module))
    except EngineError:
        raise
    except Exception as error:  # a library that is there may fail in any way
        reason = f"engine {name} cannot start ({first_line(error)})"
        raise EngineError(f"{reason}; install it: pip install 'edgeseg[{name}]'") from error
    variants = getattr(implementation, "VARIANTS", ())
    if colon and variant not in variants:
        known = ", ".join([name, *(f"{name}:{each}" for each in variants)])
        raise EngineError(f"engine {name} has no variant {variant!r}; choose {known}")
    return implementation


def open_engine(
    name: str, path: Path, spec: Spec, threads: int, content: bytes | None = None, *, own: bool = False
) -> Engine:
    """Loads the artifact at `path` into the runtime `name`, on `threads` threads.

    Args:
        name: of the runtime, with or without a variant.
        path: of an ONNX file.
        spec: that it keeps.
        threads: for one inference.
        content: of the file; by default it is read here. It is checked here, unless `Bundle.read` or `read_model` did.
        own: this program has just made the file: it is not tried in a child process first.

    Raises:
        BundleError: the file cannot be read, is no ONNX model, or does not stand for itself.
        EngineError: the runtime is unknown or absent, or refuses the artifact; or that takes too much memory or time.
    """
    check_threads(threads)
    chosen, variant = runtime(name), name.partition(":")[2]
    if content is None:
        content = read_model(path)
    elif not isinstance(content, OnnxModel):
        content = check_model(path, content)  # on Python 3.10 nothing else keeps ONNX Runtime from other files
    if not own:
        try_model(name, path, content, spec, threads)
    try:
        engine = chosen.open(path, content, spec, threads, *([variant] if variant else []))
    except EdgeSegError:
        raise
    except Exception as error:  # runtimes' exceptions share no base, and a new version may bring new ones
        raise EngineError(f"{name} refuses {path}: {first_line(error)}; export the bundle again") from error
    _engines.add(engine)
    return engine


def _keep_after_fork() -> None:
    """In a forked process engines are never freed: a runtime's end waits for threads that only the parent has."""
    for engine in list(_engines):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))


os.register_at_fork(after_in_child=_keep_after_fork)


def check_process(pid: int) -> None:
    """Refuses to go on after a fork, which takes a runtime's memory along, and none of its threads.

    Args:
        pid: of the process that loaded the engine.

    Raises:
        EngineError: this is another one.
    """
    if os.getpid() != pid:
        raise EngineError("the engine was loaded before this process was forked; load the bundle in each process")


def first_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def check_threads(threads: int) -> None:
    """Refuses a number of threads that no machine has use for.

    Raises:
        EngineError: it is under 1, over MOST_THREADS, or no whole number.
    """
    if not isinstance(threads, Integral) or not 1 <= threads <= MOST_THREADS:
        raise EngineError(f"got {threads!r:.80} threads, expected 1 to {MOST_THREADS}, a whole number")


def check_logits(path: Path, spec: Spec, shape: tuple[int, ...]) -> None:
    """Refuses an artifact whose logits have another shape than the spec says: for each runtime to call when it loads.

    Raises:
        EngineError: the shape is not (1, classes, ceil(height / stride), ceil(width / stride)); one channel may stand
            for two classes, of which a pixel has one.
    """
    if shape[:1] != (1,) or not spec.fits_logits(shape[1:]):
        size = -(-spec.height // spec.stride), -(-spec.width // spec.stride)
        raise EngineError(
            f"{path} gives logits {shape}, its spec says (1, {len(spec.classes)}, {size[0]}, {size[1]}): "
            f"{len(spec.classes)} classes, stride {spec.stride}; is it another model's? Export the bundle again"
        )
