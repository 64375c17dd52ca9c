"""A gate for CI: fails if a bundle is not what was released: python examples/gate.py BUNDLE MIN_MIOU DATA [SPLIT]

`edgeseg verify --min-miou` does the same with every engine; compare-workflow.yml sets a gate on speed beside it.
"""

import argparse
import sys
from pathlib import Path

import edgeseg
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate

parser = argparse.ArgumentParser(description="A gate for CI: fails if a bundle is not what was released.")
parser.add_argument("bundle")
parser.add_argument("min_miou", type=float)
parser.add_argument("data", type=Path)
parser.add_argument("split", nargs="?")
arguments = parser.parse_args()
try:
    bundle = edgeseg.Bundle.open(arguments.bundle)
    for artifact in bundle.artifacts:
        bundle.path(artifact)  # refuses an altered file
    evaluation = evaluate(edgeseg.load(bundle), Dataset.open(arguments.data, arguments.split))
except edgeseg.EdgeSegError as error:
    parser.error(str(error))
print(f"mIoU {evaluation.miou:.2f} %, at least {arguments.min_miou:g} % wanted")
sys.exit(0 if evaluation.miou >= arguments.min_miou else 1)
