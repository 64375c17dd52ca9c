"""edgeseg-run beside `edgeseg run`, in turns: python -m lab.cpp PROGRAM VIDEO --out FILE.

Peaks of memory are VmHWM of the process, read all the time while it runs; neither program has a child for a file. The
first mask is a run of one frame, from the start of the process to its end. Seconds of the cores are told apart from
those on the clock, as other programs take no part of them. edgeseg-run loads the ONNX Runtime that Python has.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import files
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from edgeseg.artifact import SHIPPED
from edgeseg.errors import EngineError
from edgeseg_bench.machine import condition, machine
from edgeseg_bench.script import run_script
from lab.output import write_result

POLL = 0.005
"""Seconds between looks at a process's memory."""


def main(
    program: Path,
    video: Path,
    *,
    out: Path,
    bundle: str = "road",
    engine: str = "openvino",
    precision: str = "int8",
    repeats: int = 5,
) -> None:
    """Measure frames a second, peak of memory, and the way to the first mask, of both programs.

    Args:
        program: edgeseg-run, built with the engine.
        video: a file.
        out: the result, as JSON.
        bundle: name of one that comes with edgeseg.
        engine: that both run.
        precision: of the artifact.
        repeats: of which the medians are taken.
    """
    for file in files("onnxruntime") or ():
        if file.match("capi/libonnxruntime.so.*"):
            os.environ["EDGESEG_ONNXRUNTIME"] = str(file.locate())
    options = ["--engine", engine, "--precision", precision, "--json"]
    programs = {
        "edgeseg run": [sys.executable, "-m", "edgeseg", "run", str(video), "--bundle", bundle, *options],
        "edgeseg-run": [str(program), str(video), "--bundle", str(SHIPPED / bundle), *options],
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    frames = 0
    before = condition()["busy"]
    for _ in range(repeats):
        for name, command in programs.items():
            whole = run(command)
            one = run([*command, "--max-frames", "1"])
            assert one.said["frames"] == 1
            frames = whole.said["frames"]
            runs[name].append(
                {
                    "fps": whole.said["fps"],
                    "core_ms": 1000 * (whole.core_seconds - one.core_seconds) / (frames - 1),
                    "peak_memory_mb": whole.peak_memory_mb,
                    "first_mask_s": one.seconds,
                    "first_mask_core_s": one.core_seconds,
                }
            )
    result = {
        "machine": machine(),
        "bundle": bundle,
        "engine": engine,
        "precision": precision,
        "video": {"name": video.name, "frames": frames},
        "repeats": repeats,
        "busy": [before, condition()["busy"]],
        "library_bytes": stripped_size(program.with_name("libedgeseg.so")),
        "programs": {name: {key: [each[key] for each in many] for key in many[0]} for name, many in runs.items()},
    }
    write_result(result, out)
    for name, many in runs.items():
        print(name, {key: round(median(each[key] for each in many), 3) for key in many[0]})


class Run(NamedTuple):
    """A process that has ended.

    Attributes:
        said: its JSON.
        seconds: from its start to its end.
        core_seconds: that it computed, on all cores together.
        peak_memory_mb: resident, in MB of 2^20 bytes.
    """

    said: dict[str, Any]
    seconds: float
    core_seconds: float
    peak_memory_mb: float


def run(command: list[str]) -> Run:
    """Runs a command that prints JSON.

    Raises:
        EngineError: it failed.
    """
    peak = 0.0
    before = cpu_seconds()
    start = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as said,
        tempfile.TemporaryFile("w+") as complaint,
        subprocess.Popen(command, stdout=said, stderr=complaint) as process,
    ):
        while process.poll() is None:
            peak = max(peak, peak_memory_mb(process.pid))
            time.sleep(POLL)
        seconds = time.perf_counter() - start
        if process.returncode != 0:
            complaint.seek(0)
            raise EngineError(f"{command[0]} failed: {complaint.read():.300}")
        said.seek(0)
        return Run(json.load(said), seconds, cpu_seconds() - before, peak)


def cpu_seconds() -> float:
    """Seconds that the children of this process that have ended computed."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process has held so far (resident set), in MB of 2^20 bytes; 0 of one that has ended."""
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(match[1]) / 1024 if match else 0.0


def stripped_size(library: Path) -> int:
    """Bytes of a library without its symbols."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / library.name
        subprocess.run(["strip", "-o", str(stripped), str(library)], check=True)
        return stripped.stat().st_size


if __name__ == "__main__":
    run_script(main, "python -m lab.cpp")
