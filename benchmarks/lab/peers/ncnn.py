"""ncnn, as its Python examples show it; the network is converted by pnnx.

Its default of keeping numbers in float16 is switched off: the comparison is of fp32. Its other defaults are its fastest
here. bfloat16, which ncnn can store too, is listed as a precision of its own. INT8 needs ncnn2table and ncnn2int8,
which its wheel does not bring.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from lab.peers.opencv_steps import Frame, Letterbox, mask_loop
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task) -> Callable[[], Masks]:
    """Loads the network, and runs it once."""
    network = ncnn.Net()
    network.opt.num_threads = task.cores
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    network.opt.use_bf16_storage = network.opt.use_bf16_packed = task.precision == "bf16"
    file = _network(task)
    if network.load_param(f"{file}.ncnn.param") or network.load_model(f"{file}.ncnn.bin"):
        raise RuntimeError(f"ncnn refuses {file}.ncnn.param")
    letterbox = Letterbox(task)
    scales = [1 / deviation for deviation in task.deviation]

    def logits_of(frame: Frame) -> NDArray[np.float32]:
        height, width = frame.shape[:2]
        kind = ncnn.Mat.PixelType.PIXEL_BGR
        image = ncnn.Mat.from_pixels_resize(frame, kind, width, height, letterbox.width, letterbox.height)
        if any(letterbox.border):
            constant = ncnn.BorderType.BORDER_CONSTANT
            image = ncnn.copy_make_border(image, *letterbox.border, constant, float(task.pad))
        image.substract_mean_normalize(task.mean, scales)  # its own spelling
        extractor = network.create_extractor()
        extractor.input("in0", image)
        _, logits = extractor.extract("out0")
        answer: Any = np.array(logits)
        return np.asarray(answer, np.float32)

    logits_of(np.zeros((letterbox.height, letterbox.width, 3), np.uint8))

    def mask_of(frame: Frame) -> Frame:
        height, width = frame.shape[:2]
        return letterbox.mask(logits_of(frame), width, height)

    return mask_loop(task, mask_of)


def _network(task: Task) -> Path:
    """Path, without the endings, of ncnn's two files of the network, which are made once."""
    file = Path(task.folder) / "network"
    if not file.with_suffix(".ncnn.bin").exists():
        shape = f"inputshape=[1,3,{task.height},{task.width}]"
        model = file.with_suffix(".onnx")  # pnnx writes its files beside the one that it reads
        model.write_bytes(Path(task.float_model).read_bytes())
        package = find_spec("pnnx")  # found, not imported: that would ask for PyTorch
        assert package is not None
        assert package.origin is not None
        converter = Path(package.origin).with_name("pnnx")
        subprocess.run([str(converter), str(model), shape, "fp16=0"], stdout=subprocess.DEVNULL, check=True)
    return file


if __name__ == "__main__":
    run_turn(prepare, "ncnn", "pnnx")
