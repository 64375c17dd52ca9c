"""NNCF's own INT8 file of an ONNX network, with its default settings: runs in the environment "openvino".

`python -m lab.peers.nncf_file MODEL FRAMES OUT`: FRAMES is a .npy file of the network's inputs, OUT an
.xml file.
"""

from __future__ import annotations

import sys
from typing import Any

import nncf
import numpy as np
import openvino as ov
from numpy.typing import NDArray


def main(model: str, frames: str, out: str) -> None:
    """Quantises the network of `model` on uint8 `frames` (N, H, W, 3)."""
    images = np.load(frames, mmap_mode="r")

    def batch(image: NDArray[np.uint8]) -> Any:
        return image[np.newaxis]

    quantised = nncf.quantize(ov.Core().read_model(model), nncf.Dataset(images, batch), subset_size=len(images))
    ov.save_model(quantised, out, compress_to_fp16=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
