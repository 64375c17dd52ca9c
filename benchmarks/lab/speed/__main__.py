"""Milliseconds of every network of the zoo, fp32 and INT8: `python -m lab.speed --data DATA --json FILE`.

One thread, the network alone, real frames. The engines of a network take turns: whatever else the machine does meets
all of them. `python -m lab.speed.plot` draws docs/assets/speed.svg from such a file, `python -m lab.tables` the table
below it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.accuracy.dataset import Dataset
from edgeseg.arrays import Image
from edgeseg.atomic import check_writable, write_text
from edgeseg.bundle import Bundle
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import UsageError
from edgeseg.kernels import resize
from edgeseg_bench.engine import measure
from edgeseg_bench.labelled import open_labelled
from edgeseg_bench.machine import condition, machine, versions, warnings
from edgeseg_bench.result import to_text
from edgeseg_bench.script import run_script
from lab.speed.files import NetworkFiles, fresh, of_bundles
from lab.tables.parts import load_results

ENGINES = ("onnxruntime", "openvino")

TURN, WARM_UP = 4, 2
"""Inferences in a row, and those before the first turn."""

FRAMES = 4
"""Of the data set."""


def main(
    *, data: Path, split: str | None = None, json: Path, results: Path = Path("benchmarks/results"), seconds: float = 12
) -> int:
    """Time every network of zoo.json, as the shipped bundle of it or with fresh weights; prints each as it comes.

    Args:
        data: a labelled data set.
        split: of it; by default "val" where there is one. Bundles show their mIoU on it.
        json: the file of results.
        results: the folder with zoo.json.
        seconds: for each network.
    """
    if not seconds > 0:
        raise UsageError(f"seconds is {seconds:g}, expected more than 0")
    check_writable(json)
    dataset = open_labelled(data, split)
    (zoo,) = load_results(results, "zoo.json", "python -m lab.zoo")
    bundles = dict(of_bundles(dataset.split))
    before = condition()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in zoo["networks"]:
            tensors = _tensors(dataset, row["size"])
            files = bundles.get((row["name"], row["width"]))
            if files is None:
                files = fresh(row, Bundle.open("road").spec, tensors, Path(folder))
            of_network = {key: row[key] for key in ("name", "width", "params", "macs", "size")}
            rows.append({**of_network, **_timed(files, tensors, seconds)})
            print(rows[-1]["name"], ", ".join(f"{kind} {ms['median']:.1f} ms" for kind, ms in rows[-1]["ms"].items()))
    result = {
        "data": dataset.folder.name,
        "split": dataset.split,
        "threads": 1,
        "machine": machine(),
        "versions": versions(),
        "warnings": warnings(before, condition(), machine()["cores"]),
        "networks": rows,
    }
    write_text(json, to_text(result))
    return 0


def _tensors(dataset: Dataset, size: Sequence[int]) -> list[Image]:
    """Frames as a network takes them, uint8 (1, H, W, 3); stretched, which changes no time."""
    width, height = size
    places = np.linspace(0, len(dataset) - 1, FRAMES).astype(int)
    return [resize(dataset.frame(int(place)), width, height)[np.newaxis] for place in places]


def _timed(network: NetworkFiles, tensors: Sequence[Image], seconds: float) -> dict[str, Any]:
    """Milliseconds of each file in each engine: the median, and what nine in ten lie between."""
    with ExitStack() as stack:
        engines: dict[str, Engine] = {}
        for name in ENGINES:
            for precision, file in network.files.items():
                opened = open_engine(name, file, network.spec, threads=1, own=True)
                engines[f"{name} {precision}"] = stack.enter_context(closing(opened))
        for each in engines.values():
            measure(each.infer, tensors, frames=WARM_UP, workers=1)
        samples: dict[str, list[float]] = {kind: [] for kind in engines}
        while sum(map(sum, samples.values())) < 1e3 * seconds:
            for kind, each in engines.items():
                samples[kind] += measure(each.infer, tensors, frames=TURN, workers=1).ms
    return {
        "weights": network.weights,
        "miou": network.miou,
        "ms": {kind: _figures(times) for kind, times in samples.items()},
    }


def _figures(times: Sequence[float]) -> dict[str, float]:
    low, median, high = (round(float(each), 3) for each in np.percentile(times, (5, 50, 95)))
    return {"median": median, "p5": low, "p95": high, "runs": len(times)}


if __name__ == "__main__":
    run_script(main, "python -m lab.speed")
