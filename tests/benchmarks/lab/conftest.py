"""A result of each kind of measurement."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from edgeseg_bench.result import to_text
from lab.tables.speed import KINDS

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
