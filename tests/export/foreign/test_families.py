"""What is said of a family is what its own code does to a picture; skipped where the library is absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgeseg_export.foreign.families import FAMILIES, Family, family
from edgeseg_export.foreign.model_spec import Preparation
from tests.matrix.networks import import_torchvision, import_transformers

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """RGB (H, W, 3)."""
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


def ours(convention: Family, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """By edgeseg, (1, 3, H, W)."""
    fields: dict[str, Any] = dict(convention.input)
    preparation = Preparation(fields["colour"], fields["range"], tuple(fields["mean"]), tuple(fields["std"]))
    return preparation(np.ascontiguousarray(picture[None, ..., ::-1]))


def test_torchvision(picture: NDArray[np.uint8]) -> None:
    try:
        import_torchvision()
        from torchvision.transforms._presets import SemanticSegmentation
    except ImportError as error:
        pytest.skip(str(error))
    theirs = SemanticSegmentation(resize_size=None)(torch.from_numpy(picture.transpose(2, 0, 1).copy())).numpy()
    np.testing.assert_allclose(ours(FAMILIES["torchvision"], picture)[0], theirs, atol=1e-5)


def test_segmentation_models_pytorch(picture: NDArray[np.uint8]) -> None:
    try:
        import_torchvision()
        from segmentation_models_pytorch import encoders
    except ImportError as error:
        pytest.skip(str(error))
    theirs = encoders.get_preprocessing_fn("tu-resnet18")(picture.astype(np.float64)).transpose(2, 0, 1)
    np.testing.assert_allclose(ours(FAMILIES["segmentation_models.pytorch"], picture)[0], theirs, atol=1e-5)


@pytest.mark.parametrize("name", ["Segformer", "Beit", "DPT", "MobileViT", "MobileNetV2"])
def test_transformers(name: str, picture: NDArray[np.uint8], tmp_path: Path) -> None:
    try:
        transformers = import_transformers()
    except ImportError as error:
        pytest.skip(str(error))
    kind = getattr(transformers, f"{name}ImageProcessor", None) or getattr(transformers, f"{name}ImageProcessorPil")
    try:
        processor = kind(do_resize=False, do_center_crop=False)
        processor.save_pretrained(tmp_path)
        theirs = processor(images=picture, return_tensors="np")["pixel_values"]
    except ImportError as error:
        pytest.skip(str(error))
    found = ours(family("transformers", tmp_path / "model.onnx"), picture)
    np.testing.assert_allclose(found, np.asarray(theirs), atol=1e-5)


def test_ultralytics(picture: NDArray[np.uint8]) -> None:
    predictor = pytest.importorskip("ultralytics.engine.predictor")

    class Stub:
        device, fp16 = "cpu", False

    made = predictor.BasePredictor.__new__(predictor.BasePredictor)
    made.device, made.model, made.pre_transform = torch.device("cpu"), Stub(), lambda pictures: pictures
    theirs = made.preprocess([picture[..., ::-1]]).numpy()
    np.testing.assert_allclose(ours(FAMILIES["ultralytics"], picture), theirs, atol=1e-6)
