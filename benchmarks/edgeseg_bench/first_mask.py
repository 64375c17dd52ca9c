"""From nothing to the first mask: a new process starts Python, loads the bundle, opens the video, segments a frame.

`measure` starts this file as a program, so that no import and no cache of the measuring process helps.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from edgeseg.errors import EdgeSegError, EngineError

READY = "first mask"
FRAMES = 60
"""Segmented by each process, so that its peak of memory is that of a stream."""


def measure(
    bundle: Path, video: Path, *, engine: str, precision: str, mode: str, threads: int, repeats: int = 3
) -> dict[str, Any]:
    """Seconds from the start of a process to its first mask, of each repeat, and the peak of its memory.

    Files are in the system's cache from the second repeat on, and before, if another program has read them.

    Raises:
        EngineError: the process failed.
    """
    arguments = json.dumps([str(bundle), str(video), engine, precision, mode, threads])
    seconds, peaks = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        command = [sys.executable, "-m", "edgeseg_bench.first_mask", arguments]
        with (
            tempfile.TemporaryFile("w+") as complaint,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaint, text=True) as process,
        ):
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            seconds.append(time.perf_counter() - start)
            rest = process.stdout.read()
            process.wait()
            complaint.seek(0)
            last = complaint.read().strip().splitlines()[-1:] or ["no message"]
        if line != READY or process.returncode != 0:
            raise EngineError(f"a new process did not get to its first mask: {last[0]}; does `edgeseg run` work?")
        peaks.append(json.loads(rest))
    return {"seconds": seconds, "peak_memory_mb": max(peaks), "frames": FRAMES}


def peak_memory_mb() -> float:
    """The most memory that this process ever held at once (resident set), in MB of 2^20 bytes."""
    # Not getrusage: its figure starts from that of the process that forked this one.
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def main(arguments: str) -> None:
    """Segments some frames; says when the first is done, and at the end the peak of memory."""
    from edgeseg.segmenter import load
    from edgeseg.video.pipeline import stream

    bundle, video, engine, precision, mode, threads = json.loads(arguments)
    model = load(Path(bundle), engine=engine, precision=precision, threads=threads)
    for number, _ in enumerate(stream(model, Path(video), mode=mode, max_frames=FRAMES)):
        if number == 0:
            print(READY, flush=True)
    print(peak_memory_mb())


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except EdgeSegError as error:
        sys.exit(str(error))
