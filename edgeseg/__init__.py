"""Segments video on small devices: a trained network, packed as a bundle, runs with NumPy, OpenCV and ONNX Runtime.

    import edgeseg
    model = edgeseg.load("road")
    mask = model(frame)                        # uint8 (H, W): one class id per pixel

`load` opens a bundle and gives a `Segmenter`. A frame is uint8 (H, W, 3) in BGR, as OpenCV reads it, of any size:

    model.spec.classes                         # ("Sky", "Building", ...): a `Spec` says what the network means
    model.confidence(frame)                    # float32 (H, W): by how much the best class beats the next
    model.overlay(model.logits(frame), frame)  # uint8 (H, W, 3): the classes painted over the frame

A whole video, a camera or a folder of images, with capture and inference side by side:

    for result in edgeseg.stream(model, "street.mp4"):
        result.mask

`StreamOptions` lists what `stream` takes as keywords: `overlay=True`, `mode="latency"` and so on. A camera or network
stream that breaks off raises a `LostError` after its last result; with `reconnect=True` it is connected again instead.

A `Bundle` is a folder that proves what it holds:

    bundle = edgeseg.Bundle.open("road")
    bundle.artifacts[0].measured               # accuracy and agreement, as measured on this very file

Whatever goes wrong on purpose is an `EdgeSegError`; edgeseg/errors.py draws their tree.
"""

from typing import TYPE_CHECKING

from edgeseg.bundle import Bundle
from edgeseg.errors import (
    AbandonedError,
    BundleError,
    DataError,
    EdgeSegError,
    EdgeSegWarning,
    EngineError,
    ExportError,
    FrameError,
    LostError,
    OutputError,
    SourceError,
    SpecError,
    TrainingError,
    UpdateError,
    UsageError,
    WeightsError,
)
from edgeseg.segmenter import Segmenter, load
from edgeseg.spec import Spec
from edgeseg.video.options import StreamOptions
from edgeseg.video.pipeline import stream

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "AbandonedError",
    "Bundle",
    "BundleError",
    "DataError",
    "EdgeSegError",
    "EdgeSegWarning",
    "EngineError",
    "ExportError",
    "FrameError",
    "LostError",
    "OutputError",
    "Segmenter",
    "SourceError",
    "Spec",
    "SpecError",
    "StreamOptions",
    "TrainingError",
    "UpdateError",
    "UsageError",
    "WeightsError",
    "__version__",
    "load",
    "stream",
]


def __getattr__(name: str) -> str:
    """The version, when it is asked for: finding it takes longer than all else here."""
    if name == "__version__":
        from importlib.metadata import version

        return version("edgeseg")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
