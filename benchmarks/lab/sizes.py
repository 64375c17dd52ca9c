"""What a larger input gains: `python -m lab.sizes road road-nano --sizes 480x360,640x480 --data DATA --json FILE`.

Each bundle is exported again for each size, and what is measured is that artifact, fp32 in ONNX Runtime: the kernels
enlarge the labelled frames to the input. `benchmarks/results/sizes.json` is such a file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.atomic import check_writable, write_text
from edgeseg.bundle import Bundle
from edgeseg.measured import Evaluation, Network
from edgeseg_bench.labelled import open_labelled
from edgeseg_bench.machine import machine
from edgeseg_bench.result import to_text
from edgeseg_bench.script import run_script
from edgeseg_export.sizes import parse_size
from edgeseg_export.to_onnx import export


def main(bundles: list[str], /, *, sizes: str, data: Path, split: str | None = None, json: Path) -> int:
    """Measure bundles at several sizes of their input; prints mIoU of each as it comes.

    Args:
        bundles: that edgeseg export made, by name or path.
        sizes: of the input, as WIDTHxHEIGHT with commas between.
        data: a labelled data set.
        split: of it; by default "val" where there is one.
        json: the file of results.
    """
    check_writable(json)
    dataset = open_labelled(data, split)
    rows = []
    for name in bundles:
        for size in map(parse_size, sizes.split(",")):
            row = measure(Bundle.open(name), size, dataset)
            width, height = row["size"]
            print(f"{row['bundle']} at {width}x{height}: mIoU {row['miou']:.2f} %", flush=True)
            rows.append(row)
    frame = dataset.frame(0).shape
    result = {
        "data": dataset.folder.name,
        "split": dataset.split,
        "images": len(dataset),
        "frame": [frame[1], frame[0]],
        "machine": machine(),
        "rows": rows,
    }
    write_text(json, to_text(result))
    return 0


def measure(bundle: Bundle, size: tuple[int, int] | None, dataset: Dataset) -> dict[str, Any]:
    """A row of the table.

    Raises:
        WeightsError: edgeseg export did not make the bundle.
    """
    with tempfile.TemporaryDirectory() as folder:
        again = export(bundle, Path(folder) / "bundle", size=size, data=dataset.folder, split=dataset.split or "val")
    measured = again.artifact(target="onnxruntime", precision="fp32").measured
    network, evaluation = measured.get(Network), measured.get(Evaluation)
    assert network is not None
    assert evaluation is not None
    figures = evaluation.to_json()
    return {
        "bundle": bundle.spec.name,
        "size": [again.spec.width, again.spec.height],
        "macs": network.macs,
        **{key: figures[key] for key in ("miou", "boundary_f1", "class_accuracy", "pixel_accuracy", "iou")},
    }


if __name__ == "__main__":
    run_script(main, "python -m lab.sizes")
