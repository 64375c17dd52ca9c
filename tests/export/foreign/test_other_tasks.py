"""Networks that give no class for each pixel are called what they are; others with several outputs are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgeseg.errors import ExportError, SpecError
from edgeseg_export.foreign.from_torch import export_module
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.foreign.other_tasks import refuse_other_tasks
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, description, imported, network

CELLS = sum(HEIGHT // each * (WIDTH // each) for each in (8, 16, 32))
LOW = (HEIGHT // 4, WIDTH // 4)

MASK2FORMER = {"class_queries_logits": (1, 100, 6), "masks_queries_logits": (1, 100, *LOW)}
RF_DETR = {"dets": (1, 300, 4), "labels": (1, 300, 91), "masks": (1, 300, *LOW)}
YOLOV8_SEG = {"output0": (1, 4 + 80 + 32, CELLS), "output1": (1, 32, *LOW)}
YOLOV5_SEG = {"output0": (1, 3 * CELLS, 5 + 80 + 32), "output1": (1, 32, *LOW)}
YOLO26_SEG = {"output0": (1, 300, 6 + 32), "output1": (1, 32, *LOW)}
MASK_RCNN = {"boxes": (7, 4), "labels": (7,), "scores": (7,), "masks": (7, 1, HEIGHT, WIDTH)}
NOTHING_FOUND = {"boxes": (0, 4), "labels": (0,), "scores": (0,), "masks": (0, 1, HEIGHT, WIDTH)}
YOLOV8: dict[str, tuple[int, ...]] = {"output0": (1, 84, CELLS)}

OTHERS: dict[str, tuple[dict[str, tuple[int, ...]], str]] = {
    "Mask2Former": (MASK2FORMER, "a mask-classification network, as Mask2Former, with a mask and classes for each"),
    "RF-DETR": (RF_DETR, "an instance network"),
    "YOLOv8-seg": (YOLOV8_SEG, "an instance network, as YOLO-seg, with boxes and 32 prototypes"),
    "YOLOv5-seg": (YOLOV5_SEG, "an instance network, as YOLO-seg"),
    "YOLO26-seg": (YOLO26_SEG, "an instance network, as YOLO-seg"),
    "Mask R-CNN": (MASK_RCNN, "an instance network, as Mask R-CNN"),
    "Mask R-CNN that finds nothing": (NOTHING_FOUND, "an instance network, as Mask R-CNN"),
    "YOLOv8": (YOLOV8, "a detector, with boxes"),
}

TAKEN: dict[str, tuple[dict[str, tuple[int, ...]], str | None]] = {
    "one output": ({"out": (1, 5, *LOW)}, None),
    "class ids": ({"out": (1, HEIGHT, WIDTH)}, None),
    "an auxiliary head": ({"out": (1, 5, *LOW), "aux": (1, 5, *LOW)}, None),
    "ids beside scores": ({"ids": (1, HEIGHT, WIDTH), "scores": (1, 5, HEIGHT, WIDTH)}, None),
    "square ids beside as many channels": ({"ids": (1, 32, 32), "scores": (1, 32, 32, 32)}, None),
    "a class of the picture": ({"masks": (1, 1, HEIGHT, WIDTH), "label": (1, 4)}, None),
    "an embedding of each class": ({"scores": (1, 19, *LOW), "embeddings": (1, 19, 512)}, "scores"),
    "YOLOP": ({"det": (1, CELLS, 6), "drive": (1, 2, HEIGHT, WIDTH), "lane": (1, 2, HEIGHT, WIDTH)}, "lane"),
    "YOLOP, unnamed": ({"det": (1, CELLS, 85), "drive": (1, 2, HEIGHT, WIDTH)}, None),
    "panoptic, its semantic scores": ({**MASK2FORMER, "semantic": (1, 5, *LOW)}, "semantic"),
    "panoptic, unnamed": ({**MASK2FORMER, "semantic": (1, 5, *LOW)}, None),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("chosen", [False, True])
def test_other_tasks_are_named(name: str, chosen: bool) -> None:
    shapes, message = OTHERS[name]
    output = list(shapes)[-1] if chosen else None
    with pytest.raises(ExportError, match=message) as raised:
        refuse_other_tasks(shapes, (HEIGHT, WIDTH), 5, output, "theirs.onnx")
    assert all(each in str(raised.value) for each in shapes)
    assert "takes a score for each class and pixel" in str(raised.value)


@pytest.mark.parametrize("name", TAKEN)
def test_networks_with_several_outputs_are_not_taken_for_them(name: str) -> None:
    shapes, output = TAKEN[name]
    labels = 19 if "embedding" in name else 2 if "YOLOP" in name else 32 if "square" in name else 5
    refuse_other_tasks(shapes, (HEIGHT, WIDTH), labels, output, "theirs.onnx")


def test_as_many_queries_as_classes() -> None:
    """Masks of queries whose classes are the spec's are no scores, even where their numbers agree."""
    shapes = {"classes": (1, 19, 20), "masks": (1, 19, *LOW)}
    with pytest.raises(ExportError, match="mask-classification"):
        refuse_other_tasks(shapes, (HEIGHT, WIDTH), 19, "masks", "theirs.onnx")


def with_queries(queries: int = 10) -> onnx.ModelProto:
    """The small network with a mask a query, and the classes of each query beside them."""
    model = network(channels=queries)
    random = np.random.default_rng(0)
    model.graph.initializer.append(numpy_helper.from_array(random.normal(size=(12 * 16, 6)).astype(np.float32), "k"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, queries, -1]), "rows"))
    model.graph.node.append(helper.make_node("Reshape", ["scores", "rows"], ["flat"]))
    model.graph.node.append(helper.make_node("MatMul", ["flat", "k"], ["classes"]))
    model.graph.output.append(helper.make_tensor_value_info("classes", TensorProto.FLOAT, None))
    return model


@pytest.mark.parametrize("changes", [{}, {"output": "out"}, {"output": "classes"}])
def test_import_says_what_it_is(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Shapes are those of a frame that is run: the file states none."""
    with pytest.raises(ExportError, match=r"classes \(1, 10, 6\), out \(1, 10, 12, 16\)") as raised:
        imported(with_queries(), tmp_path, **changes)
    assert "mask-classification network" in str(raised.value)
    assert not (tmp_path / "city").exists()


def test_two_outputs_of_scores_are_asked_about(tmp_path: Path) -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, None))
    with pytest.raises(SpecError, match='gives out, scores; say with "output"'):
        imported(model, tmp_path)
    assert imported(model, tmp_path, output="scores").spec.classes[0] == "a"


class Queries(nn.Module):
    """Ten queries, each with a mask and six classes."""

    def __init__(self) -> None:
        super().__init__()
        self.masks, self.classes = nn.Conv2d(3, 10, 4, 4), nn.Linear(12 * 16, 6)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        masks = self.masks(pictures)
        return {"pred_masks": masks, "pred_logits": self.classes(masks.flatten(2))}


def test_pytorch_code_is_told_the_same(tmp_path: Path) -> None:
    torch.save(Queries().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ExportError, match="mask-classification network"):
        export_module(
            f"{__name__}:Queries",
            tmp_path / "weights.pth",
            model_spec(description()),
            tmp_path / "city",
            note=lambda _: None,
        )


class Summed(Queries):
    """The same with its post-processing inside, as the message asks for: a score for each class and pixel."""

    def forward(self, pictures: Tensor) -> Tensor:  # type: ignore[override]
        found = super().forward(pictures)
        classes = found["pred_logits"].softmax(-1)[..., :-1]
        return torch.einsum("bqc,bqhw->bchw", classes, found["pred_masks"].sigmoid())


def test_the_advice_is_taken(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(Summed().state_dict(), tmp_path / "weights.pth")
    bundle = export_module(
        f"{__name__}:Summed",
        tmp_path / "weights.pth",
        model_spec(description()),
        tmp_path / "city",
        note=lambda _: None,
    )
    assert bundle.artifacts[0].measured.facts["original"]["mask_agreement"] >= 99.9
