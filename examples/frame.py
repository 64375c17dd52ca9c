"""One picture to one mask: python examples/frame.py street.jpg overlay.png"""

import sys

import cv2
import numpy as np

import edgeseg

model = edgeseg.load("road")
frame = np.asarray(cv2.imread(sys.argv[1]), np.uint8)
mask = model(frame)
for class_id, count in enumerate(np.bincount(mask.ravel(), minlength=len(model.spec.classes))):
    print(f"{model.spec.classes[class_id]:12} {100 * count / mask.size:5.1f} %")
cv2.imwrite(sys.argv[2], model.paint(mask, frame))
