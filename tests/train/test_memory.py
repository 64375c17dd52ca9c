from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from edgeseg.train.memory import keep_freed_memory

CLEARED = """
import resource, sys, torch
from edgeseg.train.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for step in range(16):
    if step == 8:  # the first ones have to take their memory
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(1 << 24).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_the_kernel_need_not_clear_the_memory_again() -> None:
    faults = {}
    for how in ("keep", "leave"):
        run = subprocess.run([sys.executable, "-c", CLEARED, how], capture_output=True, text=True, check=True)
        faults[how] = int(run.stdout)
    pages = 8 * 4 * (1 << 24) / resource.getpagesize()
    assert faults["keep"] < pages / 100
    assert faults["leave"] > 10 * faults["keep"] or faults["leave"] < pages / 100  # huge pages: nothing to save


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
