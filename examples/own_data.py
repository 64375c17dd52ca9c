"""Your own labelled images: checked, then measured with a bundle: python examples/own_data.py DATA [BUNDLE] [SPLIT]"""

import sys
from pathlib import Path

import edgeseg
from edgeseg.accuracy.check import check
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate

data, bundle, split = (*sys.argv[1:], "road", "val")[:3] if len(sys.argv) == 2 else (*sys.argv[1:], "val")[:3]
report = check(Path(data))
for finding in report.findings:
    print(f"{finding.weight}: {finding.sentence}")
if not report.faults:
    evaluation = evaluate(edgeseg.load(bundle), Dataset.open(Path(data), split))
    print(f"mIoU {evaluation.miou:.1f} %, boundary F1 {evaluation.boundary_f1:.1f} %")
sys.exit(1 if report.faults else 0)
