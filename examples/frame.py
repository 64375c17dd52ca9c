"""One picture to one mask: python examples/frame.py street.jpg overlay.png"""

import argparse
from pathlib import Path

import numpy as np

import edgeseg
from edgeseg.picture import read_picture
from edgeseg.video.outputs import check_outputs
from edgeseg.video.picture import PictureWriter

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("picture", type=Path)
parser.add_argument("overlay", type=Path)
arguments = parser.parse_args()
try:
    check_outputs(arguments.picture, arguments.overlay, None)
    frame = read_picture(arguments.picture).image
    overlay = PictureWriter(arguments.overlay, overwrite=True)
    model = edgeseg.load("road")
    mask = model(frame)
    overlay.write(model.paint(mask, frame))
except edgeseg.EdgeSegError as error:
    parser.error(str(error))
for class_id, count in enumerate(np.bincount(mask.ravel(), minlength=len(model.spec.classes))):
    print(f"{model.spec.classes[class_id]:12} {100 * count / mask.size:5.1f} %")
