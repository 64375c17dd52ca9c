"""A PyTorch network of yours to a bundle: python examples/own_network.py OUT (needs pip install '.[export]')

In a project of yours this is the command `edgeseg export package.module:factory --weights FILE --spec spec.json`.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

import edgeseg
from edgeseg_export.foreign.from_torch import export_module
from edgeseg_export.foreign.model_spec import model_spec


class Network(nn.Module):
    """Scores of three classes at half the input's size."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.scores = nn.Conv2d(16, 3, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.features(pictures).relu())
        return scores


SPEC = {
    "format": 1,
    "name": "mine",
    "input": {
        "width": 128,
        "height": 96,
        "resize": "stretch",
        "pad": 127,
        "dynamic": False,
        "colour": "RGB",
        "range": 1,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    "stride": 2,
    "classes": ["road", "car", "sky"],
    "palette": None,
    "ignore": 255,
    "licence": "mine",
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A PyTorch network of yours to a bundle.")
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    torch.manual_seed(0)
    sys.path.insert(0, str(Path(__file__).parent))
    with TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.pt"
        torch.save(Network().state_dict(), weights)
        try:
            bundle = export_module("own_network:Network", weights, model_spec(SPEC), out, note=print)
        except edgeseg.EdgeSegError as error:
            parser.error(str(error))
    print(edgeseg.load(bundle).spec.classes)
