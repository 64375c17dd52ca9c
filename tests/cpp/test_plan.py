"""Plans of TensorRT that Python keeps, as the engine in C++ reads them before anything else sees them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.engines.tensorrt.plan import engine_name
from edgeseg.engines.tensorrt.sidecar import Key, sidecar_of, system, write_engine

ONNX = hashlib.sha256(b"a network").hexdigest()
PLAN = b"ftrt" + bytes(20) + bytes([10, 3, 0, 26]) + b"machine code" * 100
KEY = Key("tensorrt", "10.3.0", system(), "8.7", {}, ONNX)
ARTIFACT = "/bundles/road/road.fp16.onnx"

Read = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def read(built: Path, cache: Path) -> Read:
    """`read(capability, version)`: what the engine in C++ finds."""
    program = built / "edgeseg_plan_tests"
    if not program.exists():
        pytest.skip("libedgeseg is left out")

    def run(capability: str = "8.7", version: str = "10.3.0") -> subprocess.CompletedProcess[str]:
        command = [str(program), ARTIFACT, ONNX, capability, version]
        environment = {**os.environ, "EDGESEG_CACHE": str(cache)}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


def put(cache: Path, key: Key = KEY, plan: bytes = PLAN) -> Path:
    file = cache / engine_name(Path(ARTIFACT), key)
    write_engine(file, plan, key, {"seconds": 20.125})
    return file


@pytest.mark.parametrize(
    ("key", "capability"),
    [(KEY, "8.7"), (replace(KEY, version="10.3.0.26"), "8.7"), (replace(KEY, compute_capability="any"), "8.9")],
)
def test_a_plan_for_this_card(read: Read, cache: Path, key: Key, capability: str) -> None:
    put(cache, key)
    done = read(capability)
    assert (done.returncode, done.stdout) == (0, f"{len(PLAN)}\n"), done.stderr


def refused(done: subprocess.CompletedProcess[str], word: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert "edgeseg compile" in done.stderr or "compile the bundle again" in done.stderr


def test_there_is_none(read: Read, cache: Path) -> None:
    refused(read(), "no plan")
    put(cache)
    refused(read("8.9"), "no plan")
    put(cache, replace(KEY, compute_capability="any"))
    refused(read("7.5"), "no plan")  # older than Ampere


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"product": "tensorrt-rtx"}, "product"),
        ({"system": "Linux riscv64"}, "system"),
        ({"onnx_sha256": "0" * 64}, "onnx_sha256"),
        ({"compute_capability": "8.6"}, "compute_capability"),
        ({"version": "10.4.0"}, "version"),
        ({"version": 10}, "version"),
    ],
)
def test_notes_of_another_plan(read: Read, cache: Path, change: dict[str, object], word: str) -> None:
    notes = sidecar_of(put(cache))
    data = json.loads(notes.read_text())
    data["key"] |= change
    notes.write_text(json.dumps(data))
    done = read()
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr


def test_another_version_of_tensorrt(read: Read, cache: Path) -> None:
    put(cache)
    refused(read(version="10.7.0"), "10.3.0.26")


@pytest.mark.parametrize(
    "damage", [b"", b"ftrt", PLAN[:-1], PLAN + b"x", b"vtrt" + PLAN[4:], PLAN[:50] + b"!" + PLAN[51:]]
)
def test_an_altered_plan(read: Read, cache: Path, damage: bytes) -> None:
    put(cache).write_bytes(damage)
    refused(read(), ".engine")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "key": 3}'])
def test_damaged_notes(read: Read, cache: Path, text: str) -> None:
    sidecar_of(put(cache)).write_text(text)
    done = read()
    assert (done.returncode, done.stdout) == (2, "")


def test_what_others_can_write(read: Read, cache: Path) -> None:
    file = put(cache)
    for path in (cache, file, sidecar_of(file)):
        mode = path.stat().st_mode
        path.chmod(mode | 0o020)
        refused(read(), "can write it")
        path.chmod(mode)
    content = file.read_bytes()
    file.unlink()
    (cache / "elsewhere").write_bytes(content)
    file.symlink_to(cache / "elsewhere")
    refused(read(), "is a link")
