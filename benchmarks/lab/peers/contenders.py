"""Who races: one line a contender and precision; what it does is in the file of its name."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"


@dataclass(frozen=True)
class Contender:
    """Somebody's software at one precision.

    Attributes:
        file: its file in this folder.
        precision: that it computes in.
        environment: requirements/<environment>.txt names its packages, which get an environment of their own; None
            for the one that edgeseg runs in.
        artifact: whether it runs the bundle's artifact of that precision; otherwise it makes its own of the fp32 one.
        rival: whether it does the same work: the same output, in fp32 or in its INT8.
        note: what it does otherwise, or why it has no INT8.
    """

    file: str
    precision: str = "fp32"
    environment: str | None = None
    artifact: bool = False
    rival: bool = True
    note: str = ""

    @property
    def name(self) -> str:
        """As tables have it."""
        return f"{self.file} {self.precision}"


_BF16 = "bfloat16 is a precision of its own"

CONTENDERS = (
    Contender(OURS, artifact=True),
    Contender(OURS, "int8", artifact=True),
    Contender("tutorial", artifact=True),
    Contender("tutorial", "int8", artifact=True),
    Contender("opencv_dnn"),
    Contender("openvino_model_api", environment="openvino"),
    Contender("openvino_model_api", "int8", environment="openvino"),
    Contender("mmdeploy", environment="mmdeploy", note="no INT8 with ONNX Runtime"),
    Contender("ncnn", environment="ncnn", note="its wheel has no tools for INT8"),
    Contender("torch_eager"),
    Contender("torch_compile"),
    Contender(
        "opencv_dnn", "int8", artifact=True, rival=False, note="it reads the INT8 file, and computes other logits"
    ),
    Contender("torch_eager", "bf16", rival=False, note=_BF16),
    Contender("torch_compile", "bf16", rival=False, note=_BF16),
    Contender("ncnn", "bf16", environment="ncnn", rival=False, note=_BF16),
    Contender("tutorial_nearest", artifact=True, rival=False, note="arg-max of the small logits, then nearest"),
    Contender(
        "openvino_model_api_nearest", environment="openvino", rival=False, note="the same, as its own wrapper does it"
    ),
    Contender(
        "mmdeploy_argmax", environment="mmdeploy", rival=False, note="arg-max at the network's size, its default"
    ),
)
