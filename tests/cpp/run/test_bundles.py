"""Which bundle and artifact edgeseg-run takes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from edgeseg.artifact import SEVEN_BITS, SHIPPED
from edgeseg.processor import sums_int8_exactly
from tests.cpp.run.process import SECONDS, pictures


def best_here(described: dict[str, Any]) -> dict[str, Any]:
    """The artifact that this processor takes unasked, of the content of a shipped bundle.json."""
    precision = "int8" if sums_int8_exactly() else SEVEN_BITS
    return next(each for each in described["artifacts"] if each["precision"] == precision)


def test_a_bundle_that_is_missing_or_altered(program: Path, lossless: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "bundle.json").write_text("{}")
    for bundle in ("nothing", str(tmp_path), str(bad)):
        done = subprocess.run([program, lossless, "--bundle", bundle], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")


def test_what_this_machine_computes_otherwise_is_not_taken_unasked(
    program: Path, lossless: Path, tmp_path: Path
) -> None:
    """INT8 that was to agree in every pixel with fp32, and does not."""
    bundle = tmp_path / "bundle"
    shutil.copytree(SHIPPED / "road-nano", bundle)
    index = bundle / "bundle.json"
    described = json.loads(index.read_text())
    best = best_here(described)

    def masks(name: str, *options: str) -> tuple[dict[str, bytes], str]:
        places = ["--bundle", bundle, "--masks", tmp_path / name]
        command = [str(word) for word in (program, lossless, *places, "--engine", "openvino", *options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return pictures(tmp_path / name), done.stderr

    fp32, _ = masks("fp32", "--precision", "fp32")
    int8, said = masks("int8")
    assert not said
    assert int8 != fp32
    best["measured"]["golden"]["mask_agreement"] = 100.0
    index.write_text(json.dumps(described))
    taken, said = masks("taken")
    assert "fp32 is taken in its place" in said
    assert taken == fp32
    assert masks("asked", "--precision", best["precision"]) == (int8, "")


def test_fp32_is_taken_where_the_best_is_refused(program: Path, lossless: Path, tmp_path: Path) -> None:
    """INT8 that is of another network."""
    bundle = tmp_path / "bundle"
    shutil.copytree(SHIPPED / "road-nano", bundle)
    described = json.loads((bundle / "bundle.json").read_text())
    best, other = best_here(described), best_here(json.loads((SHIPPED / "road/bundle.json").read_text()))
    (bundle / best["file"]).write_bytes((SHIPPED / "road" / other["file"]).read_bytes())
    best |= {key: other[key] for key in ("sha256", "bytes")}
    (bundle / "bundle.json").write_text(json.dumps(described))
    command: list[str | Path] = [program, lossless, "--bundle", bundle, "--engine", "openvino", "--max-frames", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert "carries another spec" in done.stderr
    assert "fp32 is taken in its place" in done.stderr
    command += ["--precision", best["precision"]]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith("error: ")
