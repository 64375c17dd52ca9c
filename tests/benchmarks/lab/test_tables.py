"""The tables show the figures of the results, and what speaks against them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.errors import DataError
from edgeseg.measured import Evaluation
from edgeseg_bench.result import to_text
from lab.tables.rows import TABLES
from tests.benchmarks.lab.conftest import CPP


@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_a_table(name: str, results: Path) -> None:
    tables = re.findall(r"(?:^\|.*\n?)+", TABLES[name](results), re.MULTILINE)
    assert tables
    for table in tables:
        lines = table.strip().split("\n")
        assert len(lines) >= 3
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


EXPECTED = {
    "archive_efficiency": "| 2 | 60.0 | 54.0 | 0.90 | 56.0 | 1.04 | 1.2 | 1.2 |",
    "archive_costs": "| a frame of a piece | 25.0 ms (40.0 a second) |",
    "scale": "| a\\|b | 1,000 | 2.0 h | 200,000 | 90 | 5.0 | 1.0 | 2.0 | 0.0 | 2.0 | 0.0 | driver 61 % |",
    "scale_validation": "| ray, long | 2 | 20.0 | 19.0 | -5 |",
    "serving": "| road | 8 x 10 | `--jpeg 90`, the server killed and started again | 1600 | 1500 | 100 | 100 | 200 "
    "| 300 |",
    "cpp": "| edgeseg-run | 60.0 | 1.10 | 19.0 | 0.30 | 301 |",
    "costs": "| onnxruntime fp32 | 72.3 | 100 | - |",
    "compares": "| 960x540 | fp32 | 50 | 33 (1.50) | fast 40 (1.25) |",
    "stream": "| onnxruntime fp32 | 72.3 | 100.0 | 5.0 / 6.0 / 7.0 | 8.0 | 1.0 / 0.1 / 6.0 / 0.2 | 0.93 | 99 | 0.250 |",
    "kernels": "| logits -> mask | 0.20 | a\\|b | 15.00 | 75.0 x |",
    "precision": "| onnxruntime int8 | onnxruntime | 72.10 | -0.20 | 99.30 of torch | 14.9 | 3.4 |",
    "peers": "| script fp32 [1] | 97.00 | 20.0 | 2.50 | - | - | 80.0 |",
    "zoo": "| unet, width 0.25 | none, teacher road | 60.1 | - | 70.2 / 90.3 | 31.04 / 1.23 | "
    "62.0 at width 1 (CamVid test; a paper) | 60 + 20 of 240x180 crops, the last 150 min |",
    "sizes": "| a, 96x72 | 72.50 | +2.50 | 70.5 | +2.5 | 4.00 | 4.00 x |",
    "speed": "| unet, width 0.25 | fresh | 1.23 | 43.0 | - | 90.1 | 30.2 | 80.3 | 20.4 |",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_its_figures_are_those_of_the_result(name: str, results: Path) -> None:
    assert EXPECTED[name] in TABLES[name](results).split("\n")


@pytest.mark.parametrize("busy", [[None, 0.0], [0.0, 0.5]])
def test_what_the_clock_says_of_a_busy_machine_is_left_out(results: Path, busy: list[float | None]) -> None:
    (results / "cpu.cpp.json").write_text(json.dumps(CPP | {"busy": busy}))
    assert "| edgeseg-run | - | - | 19.0 | 0.30 | 301 |" in TABLES["cpp"](results).split("\n")


def test_what_speaks_against_the_figures_stands_below_them(results: Path) -> None:
    said = TABLES["peers"](results)
    assert "the machine was busy" in said
    for name in ("archive_costs", "compares"):
        assert "the machine was busy" in TABLES[name](results)
    assert "- [1] nearest.\n- Absent: ncnn fp32: no wheel\n" in said
    assert "decoding 1.0 (25%), network 3.0 (75%)" in said
    assert "Versions: onnxruntime 1.32.0, other 2." in said
    assert "99.9999864 % of pixels" in TABLES["kernels"](results)
    assert "- left out: tensorrt int8 in tensorrt: no GPU." in TABLES["precision"](results)
    assert "- tensorrt int8 built by tensorrt-rtx in 20.1 s, 3.6 MB." in TABLES["precision"](results)
    unsteady = json.loads((results / "cpu.bench-throughput.json").read_text())
    unsteady["runs"][0]["measured"]["pipeline"]["steady"] = False
    (results / "cpu.bench-throughput.json").write_text(json.dumps(unsteady))
    assert "not steady, the bound on windows was reached: pipeline" in TABLES["stream"](results)


def test_another_precision_is_called_one(results: Path) -> None:
    assert "Our INT8 against the tutorial's fp32, which is another precision: 3.0 times as fast." in TABLES["compares"](
        results
    )


def test_rate_and_latency_stand_in_one_row(results: Path) -> None:
    other = json.loads((results / "cpu.bench-throughput.json").read_text())
    other["runs"][0]["mode"] = "latency"
    other["runs"][0]["measured"]["capture_to_mask"]["figures"]["p95_ms"] = 20.7
    (results / "cpu.bench-latency.json").write_text(json.dumps(other))
    assert "| onnxruntime fp32 | 72.3 | 100 | 21 |" in TABLES["costs"](results).split("\n")


def test_machines_and_modes_have_tables_of_their_own(results: Path) -> None:
    other = json.loads((results / "cpu.bench-throughput.json").read_text())
    other["runs"][0]["mode"] = "latency"
    (results / "cpu.bench-latency.json").write_text(json.dumps(other))
    table = TABLES["stream"](results)
    assert (table.count("| throughput, "), table.count("| latency, "), table.count("tiny on ")) == (1, 1, 1)
    other["machine"]["processor"] = "another"
    (results / "other.bench-latency.json").write_text(json.dumps(other))
    table = TABLES["stream"](results)
    assert (table.count("| throughput, "), table.count("| latency, "), table.count("tiny on ")) == (1, 2, 2)


def test_speed_without_accuracy_is_refused(results: Path, measured: dict[str, Any]) -> None:
    (results / "cpu.bench-latency.json").write_text(to_text(measured))
    for table in (TABLES["stream"], TABLES["costs"]):
        with pytest.raises(DataError, match="has no accuracy"):
            table(results)


def test_accuracy_is_that_which_the_shipped_bundles_record(results: Path) -> None:
    for name in shipped():
        evaluation = Bundle.open(name).artifact(target="onnxruntime", precision="int8").measured.get(Evaluation)
        assert evaluation is not None
        assert f"| {name}, int8 | {evaluation.miou:.1f} |" in TABLES["accuracy"](results)


def test_a_shipped_bundle_keeps_its_speed_when_it_was_trained_further(results: Path) -> None:
    fp32 = Bundle.open("road").artifact(target="onnxruntime", precision="fp32")
    evaluation = fp32.measured.get(Evaluation)
    assert evaluation is not None
    path = results / "cpu.bench-throughput.json"
    timed = json.loads(path.read_bytes())
    timed["bundle"]["name"] = "road"
    for sha256, earlier in ((fp32.sha256, False), ("0" * 64, True)):
        timed["runs"][0]["artifact"] |= {"precision": "fp32", "sha256": sha256}
        path.write_text(json.dumps(timed))
        for name in ("costs", "stream"):
            table = TABLES[name](results)
            miou = evaluation.miou if earlier else timed["runs"][0]["accuracy"]["miou"]
            assert f"| onnxruntime fp32 | {miou:.1f} | 100" in table
            assert ("Times were measured with earlier weights of road, the same network;" in table) is earlier
