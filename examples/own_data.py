"""Your own labelled images: checked, then measured with a bundle: python examples/own_data.py DATA [BUNDLE] [SPLIT]"""

import argparse
import sys
from pathlib import Path

import edgeseg
from edgeseg.accuracy.check import check
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", type=Path)
parser.add_argument("bundle", nargs="?", default="road")
parser.add_argument("split", nargs="?", default="val")
arguments = parser.parse_args()
try:
    report = check(arguments.data)
    for finding in report.findings:
        print(f"{finding.weight}: {finding.sentence}")
    if report.faults:
        sys.exit(1)
    evaluation = evaluate(edgeseg.load(arguments.bundle), Dataset.open(arguments.data, arguments.split))
except edgeseg.EdgeSegError as error:
    parser.error(str(error))
print(f"mIoU {evaluation.miou:.1f} %, boundary F1 {evaluation.boundary_f1:.1f} %")
