"""A Ray cluster of two nodes on this machine, one CPU each, in a process of its own: it leaves files open as it ends.

It prints its address and the process ids of its nodes, as JSON on a line. For each line on stdin it kills the second
node, adds another, and prints the like; at the end of stdin it ends.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from ray.cluster_utils import Cluster

import edgeseg.archive.cluster.connection  # noqa: F401  which stops Ray's telemetry before Ray is imported

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
HEAD = {
    **NODE,
    "include_dashboard": False,
    "_system_config": {"health_check_period_ms": 1000, "health_check_failure_threshold": 5},
}
ATTEMPTS = 3
"""To start: on a machine that is busy with other tests a node may not be up within Ray's 30 seconds."""


def attempt(make: Any) -> Any:
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(Exception):
            return make()
    return make()


def tell(cluster: Any) -> None:
    nodes = [process.process.pid for node in cluster.list_all_nodes() for process in node.all_processes["raylet"]]
    print(json.dumps({"address": cluster.address, "nodes": nodes}), flush=True)


def main() -> None:
    cluster = attempt(lambda: Cluster(initialize_head=True, head_node_args=HEAD))
    try:
        second = attempt(lambda: cluster.add_node(**NODE))
        tell(cluster)
        for _ in sys.stdin:
            cluster.remove_node(second, allow_graceful=False)
            second = attempt(lambda: cluster.add_node(**NODE))
            tell(cluster)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
