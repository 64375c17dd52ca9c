from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.processor import sums_int8_exactly


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "exact"),
    [
        ("x86_64", "processor : 0\nflags\t\t: sse2 avx2 avx512_vnni\n", True),
        ("x86_64", "flags\t\t: sse2 avx2 avx_vnni\n", True),
        ("AMD64", "flags\t\t: sse2 avx2 avx512f\n", False),
        ("x86_64", "nothing of the kind\n", False),
        ("x86_64", None, False),
        ("aarch64", None, True),
    ],
)
def test_vnni_decides_on_x86(
    machine: str, cpuinfo: str | None, exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("edgeseg.processor._CPUINFO", tmp_path / "cpuinfo")
    assert sums_int8_exactly() is exact
