"""The tutorial's script in the form that does less: arg-max of the small logits, then nearest neighbour."""

from __future__ import annotations

from lab.peers import tutorial
from lab.peers.opencv_steps import nearest
from lab.peers.turn import take

if __name__ == "__main__":
    take(lambda task: tutorial.prepare(task, nearest), "onnxruntime", "opencv-python")
