"""Milliseconds of networks with fresh weights, and the picture that shows only what was measured."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.engines import open_engine
from edgeseg.errors import UsageError
from lab.speed import plot
from lab.speed.__main__ import main
from lab.speed.files import fresh, of_bundles

NETWORK = {
    "name": "simple-cnn",
    "width": 0.5,
    "weights": "fresh",
    "params": 1000,
    "macs": 1_000_000,
    "size": [64, 48],
    "miou": {"fp32": 25.5, "int8": None},
    "ms": {
        f"{engine} {precision}": {"median": median, "p5": 1.0, "p95": 9.0, "runs": 8}
        for engine, precision, median in (
            ("onnxruntime", "fp32", 4.0),
            ("onnxruntime", "int8", 2.0),
            ("openvino", "fp32", 3.0),
            ("openvino", "int8", 1.0),
        )
    },
}
SPEED = {
    "data": "CamVid",
    "split": "val",
    "threads": 1,
    "machine": {"processor": "CPU", "cores": 2},
    "versions": {"onnxruntime": "1.32.0", "openvino": "2026.4.1"},
    "warnings": [],
    "networks": [NETWORK, {**NETWORK, "name": "road's", "width": 1, "miou": {"fp32": 70.0, "int8": 69.5}}],
}


def test_a_network_without_weights_has_files_that_run_and_only_the_accuracy_on_record(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    tensors = [random.integers(0, 256, (1, 48, 64, 3), np.uint8) for _ in range(2)]
    row = {"name": "simple-cnn", "width": 0.25, "size": [64, 48], "miou": 25.5}
    network = fresh(row, Bundle.open("road").spec, tensors, tmp_path)
    assert network.miou == {"fp32": 25.5, "int8": None}
    logits = {}
    for precision, file in network.files.items():
        with closing(open_engine("onnxruntime", file, network.spec, threads=1, own=True)) as engine:
            logits[precision] = engine.infer(tensors[0])
    assert logits["fp32"].shape == logits["int8"].shape
    assert not np.array_equal(logits["fp32"], logits["int8"])
    assert np.corrcoef(logits["fp32"].ravel(), logits["int8"].ravel())[0, 1] > 0.95


def test_shipped_bundles_show_what_was_measured_through_them_on_that_split() -> None:
    networks = dict(of_bundles("val"))
    assert set(networks) == {("lite-fpn", 1.0), ("lite-fpn-nano-fused", 1.0)}
    for network in networks.values():
        assert set(network.files) == {"fp32", "int8"}
        assert all(miou is not None and miou > 50 for miou in network.miou.values())
    assert {each.miou["int8"] for _, each in of_bundles("another")} == {None}


def test_what_has_no_accuracy_is_no_point() -> None:
    assert plot.points(NETWORK) == {"onnxruntime fp32": (4.0, 25.5), "openvino fp32": (3.0, 25.5)}


def test_the_picture_names_each_network_and_is_the_same_twice(tmp_path: Path) -> None:
    (tmp_path / "cpu.speed.json").write_text(json.dumps(SPEED))
    pictures = []
    for name in ("one.svg", "two.svg"):
        plot.main(results=tmp_path, picture=tmp_path / name)
        pictures.append((tmp_path / name).read_text())
    assert pictures[0] == pictures[1]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", pictures[0])
    assert {"simple-cnn, width 0.5", "road's", "mIoU, %, CamVid val"} <= set(texts)


def test_seconds_that_measure_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seconds is 0"):
        main(data=tmp_path, json=tmp_path / "a.json", seconds=0)
