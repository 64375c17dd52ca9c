"""OpenVINO Model API with its asynchronous pipeline, as its examples show it.

Its own wrapper does less work: arg-max of the small logits, then nearest neighbour, over the letterbox's border too.
So its `postprocess` is overridden, as its documentation provides for. Resizing and normalisation of the frames are in
OpenVINO's graph, where Model API puts them. INT8 is by NNCF with its default settings on calibration frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from model_api.adapters import OpenvinoAdapter, create_core
from model_api.models import SegmentationModel
from model_api.pipelines import AsyncPipeline

from lab.peers.opencv_steps import Frame, Letterbox, MaskOf, colours, frames, paint, resized_logits
from lab.peers.turn import Masks, Task, run_turn


class Resized(SegmentationModel):  # type: ignore[misc]  # it has no types
    """A segmentation model whose logits are resized before the arg-max, and cut to the frame."""

    letterbox: Letterbox
    mask_of: MaskOf

    def postprocess(self, outputs: dict[str, Any], meta: dict[str, Any]) -> Frame:
        """The mask, uint8 (H, W), at the frame's size."""
        height, width = meta["original_shape"][:2]
        return self.letterbox.mask(outputs[self.output_blob_name][0], width, height, self.mask_of)


def prepare(task: Task, mask_of: MaskOf = resized_logits) -> Callable[[], Masks]:
    """Compiles the network for throughput."""
    core = create_core()
    throughput = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    adapter = OpenvinoAdapter(core, str(_network(task)), device="CPU", plugin_config=throughput)
    letterboxed = {
        "resize_type": "fit_to_window",  # its border is below and on the right
        "pad_value": task.pad,
        "mean_values": task.mean,
        "scale_values": task.deviation,
    }
    model = Resized(adapter, letterboxed, preload=True)
    model.letterbox, model.mask_of = Letterbox(task), mask_of
    pipeline, palette = AsyncPipeline(model), colours(task)

    def masks() -> Masks:
        reading: Iterator[Frame] = frames(task.video)
        waiting: dict[int, Frame] = {}
        submitted = shown = 0
        ended = False
        try:
            while not ended or waiting:
                result = pipeline.get_result(shown)
                if result is not None:
                    mask, _ = result
                    frame = waiting.pop(shown)
                    if task.overlay:
                        paint(frame, mask, palette)
                    yield mask
                    shown += 1
                elif ended:
                    pipeline.await_all()
                elif not pipeline.is_ready():
                    pipeline.await_any()
                elif (next_frame := next(reading, None)) is None:
                    ended = True
                else:
                    waiting[submitted] = next_frame
                    pipeline.submit_data(next_frame, submitted)
                    submitted += 1
        finally:  # whoever leaves early leaves requests behind, whose callbacks would meet the interpreter's end
            pipeline.await_all()

    return masks


def _network(task: Task) -> Path:
    """OpenVINO's file of the network, which is made once."""
    file = Path(task.folder) / f"openvino.{task.precision}.xml"
    if not file.exists():
        network = ov.convert_model(task.float_model)
        if task.precision == "int8":
            network = _quantised(network, task)
        ov.save_model(network, file, compress_to_fp16=False)
    return file


def _quantised(network: ov.Model, task: Task) -> ov.Model:
    import nncf  # here: it takes seconds to import, and is needed once

    if task.calibration is None:
        raise ValueError("no calibration frames: give --data")
    images = np.load(task.calibration, mmap_mode="r")

    def normalised(image: Frame) -> Any:
        levels = (image - np.array(task.mean, np.float32)) / np.array(task.deviation, np.float32)
        return levels.transpose(2, 0, 1)[np.newaxis]

    return nncf.quantize(network, nncf.Dataset(images, normalised), subset_size=len(images))


if __name__ == "__main__":
    run_turn(prepare, "openvino", "openvino-model-api", "nncf")
