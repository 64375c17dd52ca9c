"""The peers, one line a software and precision; what each does is in the file of its name."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"


@dataclass(frozen=True)
class Peer:
    """A software at one precision.

    Attributes:
        file: its file in this folder.
        precision: that it computes in.
        environment: requirements/<environment>.txt names its packages, which get an environment of their own; None
            for the one that edgeseg runs in.
        artifact: whether it runs the bundle's artifact of that precision; otherwise it makes its own of the fp32 one.
        comparable: whether it does the same work: the same output, in fp32 or in its INT8.
        note: what it does otherwise, or why it has no INT8.
    """

    file: str
    precision: str = "fp32"
    environment: str | None = None
    artifact: bool = False
    comparable: bool = True
    note: str = ""

    @property
    def name(self) -> str:
        """As tables have it."""
        return f"{self.file} {self.precision}"


_BF16 = "bfloat16 is a precision of its own"

PEERS = (
    Peer(OURS, artifact=True),
    Peer(OURS, "int8", artifact=True),
    Peer("tutorial", artifact=True),
    Peer("tutorial", "int8", artifact=True),
    Peer("opencv_dnn"),
    Peer("openvino_model_api", environment="openvino"),
    Peer("openvino_model_api", "int8", environment="openvino"),
    Peer("mmdeploy", environment="mmdeploy", note="no INT8 with ONNX Runtime"),
    Peer("ncnn", environment="ncnn", note="its wheel has no tools for INT8"),
    Peer("torch_eager"),
    Peer("torch_compile"),
    Peer(
        "opencv_dnn", "int8", artifact=True, comparable=False, note="it reads the INT8 file, and computes other logits"
    ),
    Peer("torch_eager", "bf16", comparable=False, note=_BF16),
    Peer("torch_compile", "bf16", comparable=False, note=_BF16),
    Peer("ncnn", "bf16", environment="ncnn", comparable=False, note=_BF16),
    Peer("tutorial_nearest", artifact=True, comparable=False, note="arg-max of the small logits, then nearest"),
    Peer(
        "openvino_model_api_nearest",
        environment="openvino",
        comparable=False,
        note="the same, as its own wrapper does it",
    ),
    Peer(
        "mmdeploy_argmax", environment="mmdeploy", comparable=False, note="arg-max at the network's size, its default"
    ),
)
