"""PyTorch itself: the network of edgeseg.models with the bundle's weights, channels last, in inference mode.

Resizing the logits and the arg-max are PyTorch's too, as documentation of segmentation networks has them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from edgeseg.bundle import Bundle
from edgeseg.measured import Network
from edgeseg.models import build
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import fold
from lab.peers.opencv_steps import Frame, Letterbox, mask_loop
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task, ready: Callable[[nn.Module], nn.Module] = lambda network: network) -> Callable[[], Masks]:
    """Rebuilds the network, and runs it once.

    Args:
        task: what is done.
        ready: what is done to the network before it runs.
    """
    torch.set_num_threads(task.cores)
    graph = ready(FrameToLogits(_network(task)).eval().to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    letterbox = Letterbox(task)
    rows, columns = letterbox.rows, letterbox.columns

    @torch.inference_mode()
    def mask_of(frame: Frame) -> Frame:
        height, width = frame.shape[:2]
        covered_width, covered_height = letterbox.covered(width, height)
        inputs = torch.from_numpy(letterbox.image(frame)[np.newaxis])
        with torch.autocast("cpu", torch.bfloat16) if task.precision == "bf16" else nullcontext():
            logits = graph(inputs)[:, :, :rows, :columns]
        large = functional.interpolate(logits.float(), (covered_height, covered_width), mode="bilinear")
        mask: Tensor = large[0, :, :height, :width].argmax(0).to(torch.uint8)
        return np.asarray(mask.numpy(), np.uint8)

    for _ in range(3):
        mask_of(np.zeros((letterbox.height, letterbox.width, 3), np.uint8))

    return mask_loop(task, mask_of)


def _network(task: Task) -> nn.Module:
    """The bundle's network: its architecture by name, its weights from the ONNX file.

    Raises:
        ValueError: edgeseg's network of that name is not the one that the bundle was made of.
    """
    bundle = Bundle.open(task.bundle)
    about = bundle.artifact(target="onnxruntime", precision="fp32").measured.get(Network)
    if about is None:
        raise ValueError(f"bundle {bundle.folder} does not name its network; give one that edgeseg export wrote")
    network = fold(build(about.name, len(task.palette), about.width))
    prefix = "network."
    initializers = onnx.load(task.float_model).graph.initializer
    weights = {
        each.name.removeprefix(prefix): torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in initializers
        if each.name.startswith(prefix)
    }
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        raise ValueError(f"the bundle's {about.name} is another than this edgeseg's; export the bundle again")
    network.load_state_dict(weights)
    return network


if __name__ == "__main__":
    run_turn(prepare, "torch", "opencv-python")
