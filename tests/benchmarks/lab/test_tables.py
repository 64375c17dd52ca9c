"""The tables in README.md and docs/ are those of the results; markers and results that do not fit are refused."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.errors import DataError, UsageError
from edgeseg.measured import Evaluation
from edgeseg_bench.result import to_text
from lab.peers.environment import LABORATORY
from lab.tables.__main__ import pages_with_tables, with_tables
from lab.tables.rows import TABLES
from lab.tables.speed import KINDS

ROOT = Path(__file__).resolve().parents[3]

ACCURACY = {
    "miou": 72.31,
    "iou": {"road": 96.0, "car": 80.0, "sky": 90.0, "bike": None},
    "pixel_accuracy": 93.7,
    "class_accuracy": 83.9,
    "boundary_f1": 68.2,
    "images": 101,
    "split": "val",
}
KERNELS = {
    "processor": "CPU",
    "instruction_set": "avx512",
    "frames": 8,
    "source": "street.mp4",
    "agreement": 0.9999998643663195,
    "ms": {"logits -> mask": {"edgeseg": {"p50": 0.2}, "edgeseg, brute force": {"p50": 1.0}, "a|b": {"p50": 15.0}}},
}
PRECISION = {
    "bundle": "road",
    "split": "val",
    "images": 101,
    "machine": {"processor": "CPU", "cores": 2},
    "stages": [
        {"stage": "torch", "engine": "torch", "miou": 72.3, "before": None, "agreement": 100.0, "median_ms": 60.0,
         "bytes": None},
        {"stage": "onnxruntime int8", "engine": "onnxruntime", "miou": 72.1, "before": "torch", "agreement": 99.3,
         "median_ms": 14.9, "bytes": 3_400_000},
        {"stage": "tensorrt int8", "engine": "ONNX's reference", "miou": 72.0, "before": "torch", "agreement": 99.2,
         "median_ms": None, "bytes": 3_500_000},
    ],
    "left_out": ["tensorrt int8 in tensorrt: no GPU"],
    "builds": [{"product": "tensorrt-rtx", "artifact": "tensorrt int8", "seconds": 20.1, "bytes": 3_600_000}],
}  # fmt: skip
PEERS = {
    "machine": {"processor": "CPU", "cores": 2},
    "warnings": ["the machine was busy"],
    "bundle": "road",
    "workloads": [
        {"video": "street.mp4", "width": 960, "height": 540, "overlay": overlay, "peers": [
            {"name": "ours", "precision": "fp32", "note": "", "software": {"onnxruntime": "1.32.0"}, "agreement": 1.0,
             "comparable": True, "fps": 50.0, "core_ms": 36.0, "time_over_ours": {"fp32": {"median": 1.0}}},
            {"name": "script", "precision": "fp32", "note": "nearest", "software": {"other": "2"}, "agreement": 0.97,
             "comparable": False, "fps": 20.0, "core_ms": 80.0, "time_over_ours": {"fp32": {"median": 2.5}}},
            *({"name": name, "precision": "fp32", "note": "", "software": {}, "agreement": 1.0, "comparable": True,
               "fps": 50 / ratio, "core_ms": 9.0, "time_over_ours": {"fp32": {"median": ratio}, "int8": {"median": 3}}}
              for name, ratio in (("tutorial", 1.5), ("slow", 2.0), ("fast", 1.25))),
        ][: 1 if overlay else 5]}
        for overlay in (False, True)
    ],
    "absent": {"ncnn fp32": "no wheel"},
    "ours": {"fp32": {"engine": "onnxruntime", "stage_core_ms": {"decode": 1.0, "infer": 3.0}}},
}  # fmt: skip
ZOO = {
    "data": "CamVid",
    "split": "val",
    "images": 101,
    "networks": [
        {"name": "unet", "width": 0.25, "params": 31_042_000, "macs": 1_230_000_000, "miou": 60.12,
         "boundary_f1": None, "class_accuracy": 70.2, "pixel_accuracy": 90.3, "pretrained": False,
         "published": {"miou": 62.0, "on": "CamVid test", "source": "a paper"}, "epochs": [60, 20],
         "hours": 2.5, "teacher": "road", "crop": "240x180",
         "commands": ["edgeseg train unet --data DATA --out OUT"]},
    ],
}  # fmt: skip
SIZES = {
    "data": "CamVid",
    "split": "val",
    "images": 101,
    "frame": [48, 36],
    "machine": {"processor": "CPU", "cores": 2},
    "rows": [
        {"bundle": name, "size": [width, 3 * width // 4], "macs": macs, "miou": miou, "boundary_f1": miou - 2}
        for name, width, macs, miou in (("a", 48, 1e9, 70.0), ("a", 96, 4e9, 72.5), ("b", 48, 2e9, 60.0))
    ],
}
CPP = {
    "machine": {"processor": "CPU", "cores": 2},
    "bundle": "road",
    "engine": "openvino",
    "precision": "int8",
    "video": {"name": "street.mp4", "frames": 250},
    "repeats": 3,
    "busy": [0.0, 0.05],
    "library_bytes": 512 * 1024,
    "programs": {
        name: {"fps": [fps - 1, fps + 1, fps], "core_ms": [18, 19, 20], "peak_memory_mb": [300, 301, 302],
               "first_mask_s": [1.0, 1.2, 1.1], "first_mask_core_s": [0.3, 0.2, 0.4]}
        for name, fps in (("edgeseg run", 50.0), ("edgeseg-run", 60.0))
    },
}  # fmt: skip
ARCHIVE = {
    "machine": {"processor": "CPU", "cores": 2},
    "warnings": ["the machine was busy"],
    "bundle": "road",
    "precision": "int8",
    "video": {"name": "road.mp4", "copies": 3, "frames": 600},
    "piece_seconds": 4.8,
    "costs": {"start": 1.14, "listing": 5e-5, "begin": 0.011, "index": 1.4e-5, "piece": 0.149, "frame": 0.025,
              "join": 0.005, "join_frame": 1.8e-4, "driver_task": 6.4e-4, "driver_worker": 5e-7, "driver_look": 5e-4,
              "look_seconds": 2, "looks": 50, "bytes_in": 12_000, "bytes_piece": 5000, "bytes_result": 4900},
    "stages": {"decode": 0.003, "infer": 0.02, "mask": 0.0005, "write": 0.004},
    "turns": [
        {"kind": kind, "videos": "long", "cores": cores, "frames": 600, "start": 1.25, "seconds": 600 / fps / cores}
        for kind, fps in (("stream", 30), ("local", 27), ("ray", 28), ("ray", 26), ("ray", 20)) for cores in (1, 2)
    ],
}  # fmt: skip
SCALE = {
    "scenarios": [
        {"name": "a|b", "machines": 1000, "seconds": 7200, "fps": 200_000, "efficiency": 0.9,
         "shares": {"overhead": 0.05, "store": 0.01, "driver": 0.02, "start": 0, "tail": 0.02, "lost": 0},
         "busy": {"driver": 0.61, "reads": 0.2}},
    ],
    "validation": [
        {"kind": "ray", "videos": "long", "cores": 2, "measured": 20.0, "simulated": 19.0, "deviation": -0.05},
    ],
}  # fmt: skip
SERVING = {
    "machine": {"processor": "CPU", "cores": 2},
    "warnings": [],
    "size": [640, 272],
    "precision": "int8",
    "instances": 2,
    "runs": [
        {"bundle": "road", "fps": 10.0, "seconds": 20, "jpeg": 90, "killed": True, "clients": 8, "masks": 1500,
         "frames": 1600, "dropped": 100, "retries": 3, "p50": 99.6, "p95": 200.2, "p99": 300.4, "max": 400.0},
    ],
}  # fmt: skip
SPEED = {
    "data": "camvid",
    "split": "val",
    "threads": 1,
    "machine": {"processor": "CPU", "cores": 2},
    "versions": {"onnxruntime": "1.32.0", "openvino": "2026.4.1"},
    "warnings": ["the machine was busy"],
    "networks": [
        {"name": "unet", "width": 0.25, "weights": "fresh", "macs": 1_230_000_000, "miou": {"fp32": 43.0, "int8": None},
         "ms": {kind: {"median": median} for kind, median in zip(KINDS, (90.1, 30.2, 80.3, 20.4), strict=True)}},
    ],
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path, measured: dict[str, Any]) -> Path:
    """A folder with a result of each kind."""
    bench = copy.deepcopy(measured)
    run = bench["runs"][0]
    run["accuracy"] = ACCURACY
    run["first_mask"]["peak_memory_mb"] = 99.1
    run["measured"]["pipeline"] |= {
        "efficiency": 0.93,
        "stage_core_ms": {"decode": 1.0, "prepare": 0.1, "infer": 6.0, "kernel": 0.2},
        "energy": {"joules_a_frame_above_idle": 0.25},
    }
    run["measured"]["pipeline"]["figures"] |= {"fps": 100, "p50_ms": 5, "p95_ms": 6, "p99_ms": 7, "core_ms": 8}
    (tmp_path / "cpu.bench-throughput.json").write_text(to_text(bench))
    kinds = {"cpu.kernels": KERNELS, "cpu.precision": PRECISION, "cpu.peers": PEERS, "cpu.cpp": CPP, "zoo": ZOO}
    kinds["sizes"] = SIZES
    kinds |= {"cpu.archive": ARCHIVE, "cpu.archive-costs": ARCHIVE, "cpu.archive-scale": SCALE, "cpu.serving": SERVING}
    kinds["cpu.speed"] = SPEED
    for name, result in kinds.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    return tmp_path


@pytest.mark.parametrize("page", pages_with_tables(ROOT), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_page_is_what_the_results_say(page: Path) -> None:
    text = page.read_text()
    assert with_tables(text, ROOT / "benchmarks/results") == text, "stale: run python -m lab.tables"


def test_the_tables_are_shown_somewhere() -> None:
    text = "".join(page.read_text() for page in pages_with_tables(ROOT))
    shown = set(re.findall("<!-- table: (.*) -->", text))
    assert shown >= {"accuracy", "stream", "kernels", "precision", "peers", "zoo", "speed"}


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


around = st.text(st.characters(exclude_categories=["C"], exclude_characters="<")).map(lambda text: f"{text}\n")


@given(around, around, around)
def test_only_what_lies_between_markers_changes(
    tmp_path_factory: pytest.TempPathFactory, before: str, stale: str, after: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "zoo"
    folder.mkdir(exist_ok=True)
    (folder / "zoo.json").write_text(json.dumps(ZOO))
    fresh = with_tables(f"{before}<!-- table: zoo -->\n{stale}<!-- /table -->\n{after}", folder)
    zoo = TABLES["zoo"](folder)
    expected = f"{before}<!-- table: zoo -->\n{zoo}\n<!-- /table -->\n{after}"
    assert fresh == expected
    assert with_tables(fresh, folder) == fresh


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- table: sonata -->\n<!-- /table -->\n", "the table 'sonata', expected one of costs"),
        ("<!-- table: zoo -->\n", "has no end"),
        ("<!-- table: zoo -->\n<!-- table: peers -->\n<!-- /table -->\n", "the table zoo has no end"),
    ],
)
def test_markers_that_do_not_fit_are_refused(text: str, said: str, results: Path) -> None:
    with pytest.raises(UsageError, match=said):
        with_tables(text, results)


def test_results_that_are_missing_or_damaged_are_refused(results: Path) -> None:
    text = "<!-- table: zoo -->\n<!-- /table -->\n"
    for damaged, said in (('{"networks": []}', "lack what the table zoo shows"), ("{", "cannot read")):
        (results / "zoo.json").write_text(damaged)
        with pytest.raises(DataError, match=said):
            with_tables(text, results)
    (results / "zoo.json").unlink()
    with pytest.raises(DataError, match=r"there is no .*zoo\.json"):
        with_tables(text, results)


def test_check_tells_and_the_command_writes(results: Path) -> None:
    page = results / "README.md"
    page.write_text("<!-- table: zoo -->\nold\n<!-- /table -->\n")

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "lab.tables", "--results", str(results), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=LABORATORY)
        return result.returncode, result.stdout + result.stderr

    second = results / "second.md"
    second.write_text(page.read_text())
    code, said = run("--check", str(page), str(second))
    assert code == 1
    assert said.count("is stale") == 2
    assert "old" in page.read_text()
    assert run(str(page), str(second)) == (0, "")
    assert "| unet, width 0.25 |" in page.read_text()
    assert second.read_text() == page.read_text()
    assert run("--check", str(page), str(second)) == (0, "")
    code, said = run(str(results / "missing.md"))
    assert code == 2
    assert said.startswith("error: cannot read")


def test_without_pages_the_readme_and_the_pages_with_tables_are_meant(tmp_path: Path) -> None:
    for page in ("README.md", "docs/results.md", "docs/guide/zoo.md"):
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text("<!-- table: zoo -->\n<!-- /table -->\n")
    (tmp_path / "docs/quick-start.md").write_text("no table\n")
    pages = [str(page.relative_to(tmp_path)) for page in pages_with_tables(tmp_path)]
    assert pages == ["README.md", "docs/guide/zoo.md", "docs/results.md"]
