"""The tutorial's script in the form that does less: arg-max of the small logits, then nearest neighbour."""

from __future__ import annotations

from lab.peers import tutorial
from lab.peers.opencv_steps import nearest
from lab.peers.turn import run_turn

if __name__ == "__main__":
    run_turn(lambda task: tutorial.prepare(task, nearest), "onnxruntime", "opencv-python")
