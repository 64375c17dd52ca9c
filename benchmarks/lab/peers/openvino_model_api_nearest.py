"""OpenVINO Model API in the form that does less, as its own wrapper has it: arg-max, then nearest neighbour."""

from __future__ import annotations

from lab.peers import openvino_model_api
from lab.peers.opencv_steps import nearest
from lab.peers.turn import run_turn

if __name__ == "__main__":
    run_turn(lambda task: openvino_model_api.prepare(task, nearest), "openvino", "openvino-model-api")
