from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.processor import multiplies_bfloat16, sums_int8_exactly


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


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        ("flags\t\t: sse2 avx512_bf16 avx512f\n", True),
        ("flags\t\t: avx2 amx_bf16 amx_tile\n", True),
        ("flags\t\t: avx512_vnni avx512f amx_int8\n", False),
        ("Features\t: asimd bf16\n", False),
        ("", False),
    ],
)
def test_bfloat16_needs_its_instructions(
    cpuinfo: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr("edgeseg.processor._CPUINFO", tmp_path / "cpuinfo")
    assert multiplies_bfloat16() is has
