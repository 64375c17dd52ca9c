"""Plans of TensorRT that Python keeps, as the engine in C++ reads them before anything else sees them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def put(cache: Path, key: Key = KEY, plan: bytes = PLAN, figures: dict[str, Any] | None = None) -> Path:
    file = cache / engine_name(Path(ARTIFACT), key)
    write_engine(file, plan, key, {"seconds": 20.125, **(figures or {})})
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


figures = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e-4, 1e-5, 1e15, 1e16, -0.0, 5e-324, 1.7976931348623157e308])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a\u00e9\U0001f600z", max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(figures, max_size=8))
def test_the_seal_is_that_of_python_whatever_was_measured(read: Read, cache: Path, values: list[Any]) -> None:
    put(cache, figures={f"figure{number}": value for number, value in enumerate(values)})
    done = read()
    assert done.returncode == 0, done.stderr


def test_notes_that_were_edited_have_no_seal(read: Read, cache: Path) -> None:
    notes = sidecar_of(put(cache))
    data = json.loads(notes.read_text())
    for change in ({"seconds": 20.126}, {"more": 1}, {"seal": "0" * 64}, {"seal": ""}):
        notes.write_text(json.dumps({**data, **change}))
        refused(read(), "was not written with the key of its folder")
    notes.write_text(json.dumps(data))  # the same values, written otherwise
    assert read().returncode == 0


def test_a_plan_of_another_folder(read: Read, cache: Path, tmp_path: Path) -> None:
    file, elsewhere = put(cache), put(tmp_path / "elsewhere")
    for path in (file, sidecar_of(file)):
        path.write_bytes((elsewhere.parent / path.name).read_bytes())
    refused(read(), "was not written with the key of its folder")


def test_a_key_that_is_none(read: Read, cache: Path) -> None:
    key = put(cache).parent / ".key"
    content = key.read_bytes()
    for other in (content[:-1], content + b"x", content[:-1] + bytes([content[-1] ^ 1])):
        key.write_bytes(other)
        refused(read(), "key of its folder")
    key.write_bytes(content)
    key.chmod(0o640)
    refused(read(), "key of its folder")
    key.unlink()
    refused(read(), "key of its folder")


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
