"""`edgeseg triton`. Light, so that --help works where tritonclient is not installed."""

from __future__ import annotations

from pathlib import Path

from edgeseg.artifact import Precision
from edgeseg.bundle import Bundle
from edgeseg.terminal import make_console


def triton_command(
    bundle: str,
    *,
    out: Path,
    engine: str = "onnxruntime",
    precision: Precision | None = None,
    instances: int = 1,
    model_version: int | None = None,
    plan: list[Path] | None = None,
) -> int:
    """Write a model repository for NVIDIA's Triton Inference Server.

    It holds a model that takes frames of any size and gives masks, on Triton's Python backend, where edgeseg must be
    installed; and the network alone, for Triton's own backends of ONNX Runtime and TensorRT. `edgeseg run --server`
    asks the first.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        out: the folder; an earlier repository there is replaced, anything else is left alone.
        engine: the runtime of the model of masks: onnxruntime, onnxruntime:cuda, openvino or tensorrt.
        precision: the precision of the artifact that makes the masks, and of the network alone if ONNX Runtime has it;
            by default the best that the bundle has.
        instances: processes of the model of masks, which share the server's cores.
        model_version: the models' version number; by default the version that the bundle was signed with, or 1.
        plan: an engine of edgeseg compile --target tensorrt, which adds the network for TensorRT's backend; may be
            given once for each kind of card.
    """
    from edgeseg.triton.repository import Serving, write_repository

    serving = Serving(engine, precision, instances, model_version, tuple(plan or ()))
    names = write_repository(Bundle.open(bundle), out, serving)
    make_console().print(f"{out}: models {', '.join(names)}", soft_wrap=True, highlight=False)
    return 0
