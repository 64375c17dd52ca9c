"""edgeseg-run on an emulated aarch64 against x86-64: frames, and what an engine makes of them. `.ci/cpp_arm` runs this.

FFmpeg's loops for a processor may round otherwise than those for another, and some read chroma more coarsely: without
them every bit is the same.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.artifact import SHIPPED
from edgeseg.video.open import open_source
from tests.cpp.video.cases import CASES, Case, write
from tests.cpp.video.readers import Video, parsed

SECONDS = 600.0
"""After which a test gives up."""

ROUNDING = 4
"""Levels that FFmpeg's loops for x86-64 and aarch64 may be apart in 4:2:0 of 8 bits."""

EXACT = 99.9
"""Percent of the pixels, at least, in which a runtime's fp32 gives the same class on both processors."""

MARGIN = 1.0
"""Points that INT8 there may agree less with fp32 than INT8 here."""

Emulated = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session")
def emulated() -> Emulated:
    """`emulated(program, ...)`: a program of the build for aarch64 has run."""
    folder = os.environ.get("EDGESEG_CPP_ARM")
    if folder is None:
        pytest.skip("make cpp-arm and make arm build edgeseg-run for aarch64")
    emulator = shlex.split(os.environ["EDGESEG_EMULATOR"])

    def run(program: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [*emulator, f"{folder}/{program}", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, timeout=SECONDS)

    return run


@pytest.fixture(scope="session")
def native(built: Path) -> Emulated:
    """The same of the build for this machine."""
    if not (built / "edgeseg_frames").exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")
    return lambda program, *arguments: subprocess.run(
        [built / program, *map(str, arguments)], capture_output=True, timeout=SECONDS
    )


def frames(run: Emulated, path: Path, *options: object) -> Video:
    done = run("edgeseg_frames", path, *options)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_bit_without_the_processors_own_loops(
    emulated: Emulated, native: Emulated, tmp_path: Path, case: Case
) -> None:
    if case.codec not in av.codecs_available:
        pytest.skip(f"PyAV's FFmpeg has no encoder {case.codec}")
    path = tmp_path / f"a{case.suffix}"
    write(path, case)
    there, here = (run("edgeseg_frames", path, 1, "plain") for run in (emulated, native))
    assert (there.returncode, here.returncode) == (0, 0), there.stderr
    assert len(parsed(here.stdout).frames) == len(case.times)
    assert there.stdout == here.stdout


@pytest.mark.parametrize("name", ["h264", "hevc", "vp9", "h264 BT.709", "mjpeg", "h264 444", "odd sides bgr", "grey"])
def test_with_them_the_usual_formats_are_close(emulated: Emulated, native: Emulated, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a{CASES[name].suffix}"
    write(path, CASES[name])
    there, here = (frames(run, path) for run in (emulated, native))
    differences = [np.abs(one.astype(int) - other) for one, other in zip(there.frames, here.frames, strict=True)]
    subsampled = CASES[name].format in {"yuv420p", "yuvj420p"}
    assert max(int(each.max()) for each in differences) <= (ROUNDING if subsampled else 0)
    assert (there.times, there.fps, there.warnings) == (here.times, here.fps, here.warnings)


@pytest.mark.parametrize(
    ("engine", "precision"), [("onnxruntime", "fp32"), ("onnxruntime", "int8"), ("openvino", "fp32")]
)
def test_masks(emulated: Emulated, lossless: Path, tmp_path: Path, engine: str, precision: str) -> None:
    """Of frames that every decoder gives alike: what differs is the runtime. OpenVINO's INT8 fails the check there."""
    masks, out = tmp_path / "masks", tmp_path / "out.mp4"
    options = ["--bundle", SHIPPED / "road-nano", "--engine", engine, "--precision", precision, "--max-frames", "2"]
    done = emulated("edgeseg-run", lossless, *options, "--json", "--masks", masks, "--out", out)
    if f"has no engine '{engine}'".encode() in done.stderr:
        pytest.skip(f"libedgeseg was cross-compiled without {engine}")
    report = told(done)
    assert (report["frames"], report["warnings"]) == (2, [])
    with open_source(lossless) as source:
        pictures = [frame.image for frame, _ in zip(source, range(2), strict=False)]
    compare(masks, pictures, engine, precision)
    with av.open(str(out)) as recording:
        assert sum(1 for _ in recording.decode(video=0)) == 2


def told(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """The report that a run printed."""
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def compare(folder: Path, pictures: list[Any], engine: str, precision: str) -> None:
    """Holds the masks of a folder against those that the same runtime gives here."""
    exact, model = (edgeseg.load("road-nano", engine=engine, precision=each, threads=1) for each in ("fp32", precision))
    files = sorted(folder.glob("*.png"))
    assert len(files) == len(pictures)
    for file, picture in zip(files, pictures, strict=True):
        there, here, truth = cv2.imread(str(file), cv2.IMREAD_UNCHANGED), model(picture), exact(picture)
        same, left, right = (100 * float(np.mean(a == b)) for a, b in ((there, here), (there, truth), (here, truth)))
        of_fp32 = f"{left:.3f} % as fp32 there, {right:.3f} % here"
        print(f"{engine} {precision}, {file.name}: {same:.3f} % of the pixels as on x86-64; {of_fp32}")
        assert left >= (EXACT if precision == "fp32" else right - MARGIN)
