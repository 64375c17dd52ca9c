"""Networks trained here, in one table: `python -m lab.zoo RUN... --data DATA --json FILE`.

Each run is a folder that `edgeseg train` wrote. Its weights are exported, and the accuracy is the artifact's.
`benchmarks/results/zoo.json` is such a file, from which a table in docs/results.md is made. `lab.speed` times them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.atomic import check_writable, write_text
from edgeseg.errors import DataError
from edgeseg.measured import Evaluation, Network, Training
from edgeseg.models.published import PUBLISHED
from edgeseg_bench.labelled import open_labelled
from edgeseg_bench.result import to_text
from edgeseg_bench.script import run_script

WEIGHTS = "weights.safetensors"


def main(runs: list[Path], /, *, data: Path, split: str | None = None, json: Path) -> int:
    """Measure trained networks through their artifacts; prints the mIoU of each as it comes.

    Args:
        runs: folders that edgeseg train wrote.
        data: a labelled data set.
        split: of it; by default "val" where there is one.
        json: the file of results.
    """
    check_writable(json)
    dataset = open_labelled(data, split)
    rows = []
    for run in runs:
        rows.append(measure(run, dataset))
        print(f"{rows[-1]['name']}: mIoU {rows[-1]['miou']:.1f} %")
    result = {"data": dataset.folder.name, "split": dataset.split, "images": len(dataset), "networks": rows}
    write_text(json, to_text(result))
    return 0


def measure(run: Path, dataset: Dataset) -> dict[str, Any]:
    """A row of the table.

    Raises:
        DataError: the folder holds no finished run.
        WeightsError: its weights are not ours.
    """
    from edgeseg.train.reproduce import commands, teachers
    from edgeseg_export.to_onnx import export

    if not (run / WEIGHTS).is_file():
        raise DataError(f"{run} holds no {WEIGHTS}; give folders of runs of edgeseg train that came to their end")
    with tempfile.TemporaryDirectory() as folder:
        bundle = export(run / WEIGHTS, Path(folder) / "bundle", data=dataset.folder, split=dataset.split or "val")
    measured = bundle.artifact(target="onnxruntime").measured
    network, training, evaluation = measured.get(Network), measured.get(Training), measured.get(Evaluation)
    if network is None or training is None or evaluation is None:
        raise DataError(f"the export of {run} lacks its figures; run edgeseg export --data on it to see why")
    record, figures = dict(training.record), evaluation.to_json()
    published = PUBLISHED.get(network.name)
    return {
        "name": network.name,
        "width": network.width,
        "params": network.parameters,
        "macs": network.macs,
        "size": [bundle.spec.width, bundle.spec.height],
        **{key: figures[key] for key in ("miou", "boundary_f1", "class_accuracy", "pixel_accuracy", "iou")},
        "published": None
        if published is None
        else {"miou": published.miou, "on": "CamVid test", "source": published.source},
        "seed": record["settings"]["seed"],
        "epochs": epochs(record),
        "pretrained": record["settings"]["pretrained"],
        "commands": commands(network.name, record, name=None if bundle.spec.name == network.name else bundle.spec.name),
        "crop": record["settings"]["crop"],
        "teacher": " + ".join(teacher["bundle"] for teacher in teachers(record)) or None,
        "hours": record.get("hours"),
        "hardware": record.get("hardware", "not recorded"),
        "data_sha256": training.data_sha256,
    }


def epochs(record: dict[str, Any]) -> list[int]:
    """Of the runs that it started from, the first one first, and its own."""
    runs, start = [record["settings"]["epochs"]], record.get("start")
    while start is not None:
        runs.insert(0, start["epochs"])
        start = start["run"].get("start")
    return runs


if __name__ == "__main__":
    run_script(main, "python -m lab.zoo")
