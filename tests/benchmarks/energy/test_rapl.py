"""RAPL against a tree of files as Linux lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg_bench.energy.rapl import Rapl, open_rapl

LAPTOP = {
    "intel-rapl:0": ("package-0", 5_000_000, 262_143_328_850),
    "intel-rapl:0:0": ("core", 3_000_000, 262_143_328_850),
    "intel-rapl:0:1": ("uncore", 1_000_000, 262_143_328_850),
    "intel-rapl:0:2": ("dram", 700_000, 65_712_999_613),
    "intel-rapl:1": ("psys", 9_000_000, 262_143_328_850),
}


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    for folder, (name, microjoules, span) in LAPTOP.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "energy_uj").write_text(f"{microjoules}\n")
        (tmp_path / folder / "max_energy_range_uj").write_text(f"{span}\n")
    (tmp_path / "intel-rapl").mkdir()  # the control type itself has no counter
    return tmp_path


def opened(root: Path) -> Rapl:
    meter = open_rapl(root)
    assert isinstance(meter, Rapl)
    return meter


def test_packages_and_memory_are_summed_and_nothing_twice(powercap: Path) -> None:
    meter = opened(powercap)
    assert meter.names == ("package-0", "dram")
    assert meter.read() == (5_000_000, 700_000)


def test_it_counts_joules(powercap: Path) -> None:
    stop = opened(powercap).start()
    (powercap / "intel-rapl:0/energy_uj").write_text("35000000\n")
    (powercap / "intel-rapl:0:2/energy_uj").write_text("1700000\n")
    assert stop() == pytest.approx(30 + 1)


def test_a_counter_that_wraps_around_goes_on(powercap: Path) -> None:
    meter = opened(powercap)
    before = (262_143_328_850 - 1_000_000, 0)
    assert meter.joules(before, (4_000_000, 0)) == pytest.approx(5)


def test_a_counter_that_breaks_meanwhile_says_so(powercap: Path) -> None:
    stop = opened(powercap).start()
    (powercap / "intel-rapl:0/energy_uj").write_text("\n")
    with pytest.raises(OSError, match="expected microjoules"):
        stop()


def test_without_a_counter_it_says_so(tmp_path: Path) -> None:
    assert str(open_rapl(tmp_path / "powercap")).startswith("processor: no energy counter")


def test_a_counter_for_root_alone_is_named(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text

    def refuse(path: Path) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "intel-rapl:0/energy_uj may only be read by root" in str(open_rapl(powercap))


def test_a_broken_counter_is_no_figure(powercap: Path) -> None:
    (powercap / "intel-rapl:0/energy_uj").write_text("\n")
    assert "cannot be read" in str(open_rapl(powercap))
