from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from edgeseg.memory import keep_frames, keep_tensors

TENSORS = """
import resource, sys, torch
from edgeseg.memory import keep_tensors
if sys.argv[1] == "keep":
    assert keep_tensors()
for step in range(16):
    if step == 8:  # the first ones have to take their memory
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(1 << 24).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

FRAMES = """
import resource, sys, numpy as np
from edgeseg.memory import keep_frames
if sys.argv[1] == "keep":
    assert keep_frames()
for frame in range(16):
    if frame == 8:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pictures = [np.ones((1080, 1920, 3), np.uint8) for _ in range(4)]
    del pictures
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
@pytest.mark.parametrize(("program", "size"), [(TENSORS, 4 << 24), (FRAMES, 4 * 1080 * 1920 * 3)])
def test_the_kernel_need_not_clear_the_memory_again(program: str, size: int) -> None:
    if program == TENSORS:
        pytest.importorskip("torch")
    faults = {}
    for how in ("keep", "leave"):
        run = subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=True)
        faults[how] = int(run.stdout)
    pages = 8 * size / resource.getpagesize()
    assert faults["keep"] < pages / 100
    assert faults["leave"] > 10 * faults["keep"] or faults["leave"] < pages / 100  # huge pages: nothing to save


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_tensors()
    assert not keep_frames()
