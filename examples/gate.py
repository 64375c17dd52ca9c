"""A gate for CI: fails if a bundle is not what was released: python examples/gate.py BUNDLE MIN_MIOU DATA [SPLIT]

`edgeseg verify --min-miou` does the same with every engine; compare-workflow.yml sets a gate on speed beside it.
"""

import sys
from pathlib import Path

import edgeseg
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate

name, least, data = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
split = sys.argv[4] if len(sys.argv) > 4 else None
bundle = edgeseg.Bundle.open(name)
for artifact in bundle.artifacts:
    bundle.path(artifact)  # refuses an altered file
evaluation = evaluate(edgeseg.load(bundle), Dataset.open(data, split))
print(f"mIoU {evaluation.miou:.2f} %, at least {least:g} % wanted")
sys.exit(0 if evaluation.miou >= least else 1)
