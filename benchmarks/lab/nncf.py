"""Our INT8 file against NNCF's of the same network, in OpenVINO: python -m lab.nncf DATA [--json FILE].

NNCF quantises the bundle's fp32 file with its default settings on the frames that ours was calibrated on, in an
environment of its own. Then both run in this process with the same settings, turn by turn: what disturbs the machine
disturbs them alike. A turn is five inferences, uint8 frame to float logits, on one thread and on all cores.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.cache import make_folder
from edgeseg.engines import open_engine
from edgeseg.errors import EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.segmenter import Segmenter, load
from edgeseg_bench import machine
from edgeseg_bench.script import run_script
from edgeseg_export.precision.calibration_data import CalibrationData, read_calibration_data
from lab.output import write_result
from lab.peers.environment import LABORATORY, python_of

TURN = 5
"""Inferences in a row."""

Infer = Callable[[Image], NDArray[np.float32]]


def main(
    data: Path,
    *,
    bundle: str = "road",
    split: str = "train",
    rounds: int = 40,
    work: Path = Path("build/peers"),
    json: Path | None = None,
) -> None:
    """Quantise by NNCF, compare the masks with fp32's, and measure both files.

    Args:
        data: what the bundle's int8 artifact was calibrated on.
        bundle: the name of one that comes with edgeseg, or a path; with fp32 and int8 artifacts for ONNX Runtime.
        split: of the data set.
        rounds: turns of each file.
        work: folder for NNCF's environment and file, which are made once; the same as for the peers.
        json: write the figures here too.
    """
    if rounds < 1:
        raise UsageError(f"rounds is {rounds}, expected at least 1")
    opened = Bundle.open(bundle)
    fp32, int8 = (opened.artifact(target="onnxruntime", precision=kind) for kind in ("fp32", "int8"))
    reference = load(opened, precision="fp32", threads=1)
    with Console(stderr=True).status("frames") as status:
        frames = read_calibration_data(data, split, reference)
        status.update("NNCF quantises the network, which takes minutes the first time")
        theirs = nncf_file(opened.path(fp32), fp32.sha256, frames, work.resolve())
        before, results = machine.condition(), []
        for threads in dict.fromkeys((1, available_cores())):
            status.update(f"{threads} threads")
            engine = open_engine("openvino", opened.path(int8), opened.spec, threads)
            both = {"ours": engine.infer, "nncf": compiled(theirs, threads)}
            agreement = {name: _agreement(infer, reference, frames) for name, infer in both.items()}
            results.append({"threads": threads, "agreement": agreement, **in_turns(both, frames, rounds)})
    warnings = machine.warnings(before, machine.condition(), available_cores())
    Console().print(_table(results))
    for each in warnings:
        Console(stderr=True).print(f"warning: {each}", style="yellow", soft_wrap=True)
    if json is not None:
        report = {
            "machine": machine.machine(),
            "versions": machine.versions(),
            "warnings": warnings,
            "artifact": {"file": int8.file, "sha256": int8.sha256},
            "calibration_frames": len(frames.calibrate),
            "rounds": rounds,
            "results": results,
        }
        write_result(report, json)


def nncf_file(model: Path, sha256: str, frames: CalibrationData, folder: Path) -> Path:
    """NNCF's file in `folder`, made once for a network and frames.

    Raises:
        EngineError: its environment cannot be set up, or NNCF failed.
    """
    key = hashlib.sha256("\n".join([sha256, *(sample.sha256 for sample in frames.calibrate)]).encode()).hexdigest()
    out = folder / f"nncf-{key[:16]}.xml"
    if out.with_suffix(".bin").exists() and out.exists():
        return out
    make_folder(folder)
    python = python_of("openvino", folder / "environments")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        images, output = Path(temporary, "frames.npy"), Path(temporary, "nncf.xml")
        np.save(images, np.concatenate([sample.tensor for sample in frames.calibrate]))
        module = "lab.peers.nncf_file"
        command = [str(python), "-m", module, str(model.resolve()), str(images), str(output)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=temporary, env=LABORATORY)
        if result.returncode != 0:
            raise EngineError(f"NNCF failed: {(result.stderr.strip().splitlines() or ['no message'])[-1]}")
        output.with_suffix(".bin").replace(out.with_suffix(".bin"))
        output.replace(out)
    return out


def compiled(file: Path, threads: int) -> Infer:
    """OpenVINO's own file, compiled as our engine compiles ours; made for one call at a time."""
    from edgeseg.engines.openvino import ov, settings  # here: its package is an extra

    streams = max(1, available_cores() // threads)
    request = ov.Core().compile_model(str(file), "CPU", settings(threads, streams)).create_infer_request()

    def infer(frame: Image) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = request.infer([frame], share_inputs=True)[0]
        return logits

    return infer


def in_turns(both: dict[str, Infer], frames: CalibrationData, rounds: int) -> dict[str, Any]:
    """Milliseconds and core milliseconds an inference, medians of the turns; the ratio is theirs to ours."""
    tensors = [sample.tensor for sample in frames.choose]
    wall: dict[str, list[float]] = {name: [] for name in both}
    core: dict[str, list[float]] = {name: [] for name in both}
    for number in range(1 + rounds):
        for name, infer in both.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            for step in range(TURN):
                infer(tensors[(number + step) % len(tensors)])
            if number:  # the first turn warms up
                wall[name].append(1e3 * (time.perf_counter() - start) / TURN)
                core[name].append(1e3 * (time.process_time() - cpu_start) / TURN)
    ratios = [theirs / ours for theirs, ours in zip(wall["nncf"], wall["ours"], strict=True)]
    return {
        "ms": {name: statistics.median(turns) for name, turns in wall.items()},
        "core_ms": {name: statistics.median(turns) for name, turns in core.items()},
        "ours_is_faster_by": statistics.median(ratios),
        "ratios": ratios,
    }


def _agreement(infer: Infer, reference: Segmenter, frames: CalibrationData) -> float:
    """Fraction of the pixels with fp32's class, on frames that did not calibrate."""
    spec = reference.spec
    shares = []
    for sample in frames.choose:
        masks = [reference.mask(run(sample.tensor), spec.width, spec.height) for run in (infer, reference.infer)]
        shares.append(float((masks[0] == masks[1]).mean()))
    return statistics.fmean(shares)


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(title="INT8 in OpenVINO: ours and NNCF's", caption="time: median over the turns of NNCF's to ours")
    for column in ("threads", "ours, ms", "NNCF, ms", "ours, core ms", "NNCF, core ms", "time", "ours = fp32", "NNCF"):
        table.add_column(column, justify="right")
    for each in results:
        table.add_row(
            str(each["threads"]),
            *(f"{each[kind][name]:.2f}" for kind in ("ms", "core_ms") for name in ("ours", "nncf")),
            f"{each['ours_is_faster_by']:.2f}",
            *(f"{each['agreement'][name]:.2%}" for name in ("ours", "nncf")),
        )
    return table


if __name__ == "__main__":
    run_script(main, "python -m lab.nncf")
