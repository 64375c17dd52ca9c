"""A video or camera, frame by frame: python examples/stream.py street.mp4 (or 0, or rtsp://...)"""

import argparse

import edgeseg

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("source")
arguments = parser.parse_args()
try:
    model = edgeseg.load("road", engine="auto", threads=1)
    road = model.spec.classes.index("Road")
    for result in edgeseg.stream(model, arguments.source):
        share = 100 * (result.mask == road).mean()
        delay = 1e3 * (result.done - result.captured)
        print(f"{result.timestamp:7.2f} s: road covers {share:4.1f} %, mask {delay:.0f} ms after capture")
except edgeseg.EdgeSegError as error:
    parser.error(str(error))
