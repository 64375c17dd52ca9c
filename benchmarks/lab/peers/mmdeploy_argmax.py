"""MMDeploy's C++ SDK in the form that does less, its default: arg-max at the network's size, then nearest neighbour."""

from __future__ import annotations

from lab.peers import mmdeploy
from lab.peers.turn import run_turn

if __name__ == "__main__":
    run_turn(lambda task: mmdeploy.prepare(task, arg_max=True), "mmdeploy-runtime")
