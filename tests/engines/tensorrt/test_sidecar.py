from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from edgeseg.engines.tensorrt.sidecar import (
    ANY,
    Key,
    product_of,
    read_engine,
    same_version,
    sidecar_of,
    system,
    write_engine,
    write_notes,
)
from edgeseg.errors import EngineError, OutputError

PLAN = b"ftrt" + bytes(20) + bytes((10, 3, 0, 26)) + b"the engine"
KEY = Key("tensorrt", "10.3.0", "Linux aarch64", "8.7", {"smallest": [1, 2]}, "0" * 64)


def test_engines_come_back_with_their_keys(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, KEY, {"seconds": 3.5})
    assert read_engine(engine) == (PLAN, KEY)
    assert {path.name for path in tmp_path.iterdir()} == {"road.engine", "road.engine.json", ".key"}


def test_engines_from_elsewhere_are_refused(tmp_path: Path) -> None:
    for name in ("here", "there"):
        write_engine(tmp_path / name / "road.engine", PLAN, KEY, {})
    for name in ("road.engine", "road.engine.json"):
        (tmp_path / "there" / name).replace(tmp_path / "here" / name)
    with pytest.raises(EngineError, match="not written with the key of its folder"):
        read_engine(tmp_path / "here/road.engine")


def test_differences_are_said() -> None:
    assert KEY.difference(KEY) is None
    assert replace(KEY, compute_capability=ANY).difference(KEY) is None
    assert "compute_capability '8.7', here it is '8.9'" in str(KEY.difference(replace(KEY, compute_capability="8.9")))
    assert "options" in str(KEY.difference(replace(KEY, options={})))


def test_the_first_bytes_tell_who_built_it() -> None:
    assert product_of(PLAN, "x") == ("tensorrt", "10.3.0.26")
    for other in (b"", b"ftrt", b"\x7fELF" + bytes(60), PLAN[:28]):
        with pytest.raises(EngineError, match="no TensorRT engine"):
            product_of(other, "x")


@pytest.mark.parametrize(
    ("stated", "numbers", "same"),
    [("10.3.0", "10.3.0.26", True), ("1.7.1.116", "1.7.1.116", True), ("1.7.1", "1.7.11.0", False)],
)
def test_versions(stated: str, numbers: str, same: bool) -> None:
    assert same_version(stated, numbers) is same


def test_an_engine_of_another_version_than_its_notes_is_refused(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, replace(KEY, version="10.7.0"), {})
    with pytest.raises(EngineError, match=r"built by tensorrt 10\.3\.0\.26, but its notes say tensorrt 10\.7\.0"):
        read_engine(engine)
    write_engine(engine, PLAN, KEY, {})
    assert sidecar_of(engine).exists()
    read_engine(engine)


@pytest.mark.parametrize("product", ["a", "tensorrt-rtx"])
def test_an_engine_of_another_product_than_its_notes_is_refused(product: str, tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, replace(KEY, product=product), {})
    with pytest.raises(EngineError, match=rf"built by tensorrt 10\.3\.0\.26, but its notes say {product} 10\.3\.0"):
        read_engine(engine)


def test_notes_are_what_people_look_for(tmp_path: Path) -> None:
    engine = tmp_path / "cards/road.engine"
    write_engine(engine, PLAN, KEY, {"seconds": 3.5})
    assert sidecar_of(engine) == tmp_path / "cards/road.engine.json"
    text = sidecar_of(engine).read_text()
    notes = json.loads(text)
    assert text.startswith('{\n  "format": 1,')
    assert list(notes) == ["format", "key", "plan_sha256", "bytes", "seconds", "seal"]
    assert notes["plan_sha256"] == hashlib.sha256(PLAN).hexdigest()
    assert (notes["bytes"], notes["seconds"]) == (len(PLAN), 3.5)
    assert engine.read_bytes() == PLAN


def test_notes_may_be_written_again(tmp_path: Path) -> None:
    """The seal is made anew, and is of all that stands there."""
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, KEY, {})
    notes = json.loads(sidecar_of(engine).read_text())
    write_notes(sidecar_of(engine), {**notes, "latency": 2.0})
    assert read_engine(engine) == (PLAN, KEY)
    again = json.loads(sidecar_of(engine).read_text())
    assert again["latency"] == 2.0
    assert again["seal"] != notes["seal"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_notes(sidecar_of(engine), {"latency": float("nan")})


def test_the_order_of_notes_is_no_matter(tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    large = PLAN + bytes(2**20)
    write_engine(engine, large, KEY, {"seconds": 3.5})
    notes = json.loads(sidecar_of(engine).read_text())
    sidecar_of(engine).write_text(json.dumps(dict(reversed(notes.items()))))
    assert read_engine(engine) == (large, KEY)


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(engine: Path) -> None:
        notes = json.loads(sidecar_of(engine).read_text())
        change(notes)
        sidecar_of(engine).write_text(json.dumps(notes))

    return edit


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda engine: engine.unlink(), r"cannot read .*road\.engine: No such file"),
        (lambda engine: sidecar_of(engine).unlink(), r"cannot read .*road\.engine\.json: No such file"),
        (lambda engine: sidecar_of(engine).write_text("{"), "not readable JSON"),
        (lambda engine: sidecar_of(engine).write_bytes(b"\xff"), "not readable JSON"),
        (lambda engine: sidecar_of(engine).write_text("[" * 100_000), "not readable JSON"),
        (lambda engine: sidecar_of(engine).write_text("[]"), "expected an object"),
        (lambda engine: engine.write_bytes(PLAN[:-1]), r"\(37 bytes\) is not the file that was built"),
        (lambda engine: engine.write_bytes(PLAN[:28]), "no TensorRT engine"),
        (lambda engine: engine.write_bytes(b"vtrt" + PLAN[4:]), r"built by tensorrt-rtx 10\.3\.0\.26, but its notes"),
        (edited(lambda notes: notes.update(format=2)), "has format 2, expected 1"),
        (edited(lambda notes: notes.update(format=0)), "has format 0, expected 1"),
        (edited(lambda notes: notes.update(bytes=7)), "not written with the key of its folder"),
        (edited(lambda notes: notes.update(seconds=7)), "not written with the key of its folder"),
        (edited(lambda notes: notes.update(zzz=7)), "not written with the key of its folder"),
        (edited(lambda notes: notes.update(seal="0" * 64)), "not written with the key of its folder"),
        (edited(lambda notes: notes["key"].update(compute_capability="any")), "not written with the key"),
        (edited(lambda notes: notes.pop("seal")), "no field 'seal'"),
        (edited(lambda notes: notes["key"].pop("options")), r"road\.engine\.json: key has no field 'options'"),
        (edited(lambda notes: notes["key"].update(options="none")), "options is 'none', expected an object"),
        (edited(lambda notes: notes["key"].update(system=5)), "system is 5, expected a string"),
        (edited(lambda notes: notes.update(plan_sha256="0" * 64)), "is not the file that was built"),
    ],
)
def test_what_was_altered_is_not_run(spoil: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, KEY, {})
    spoil(engine)
    with pytest.raises(EngineError, match=message):
        read_engine(engine)


def test_an_engine_that_could_not_be_written_has_no_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tmp_path / "road.engine"
    write_engine(engine, PLAN, KEY, {})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match="No space left"):
            write_engine(engine, PLAN, replace(KEY, compute_capability="8.9"), {})
    with pytest.raises(EngineError, match=r"cannot read .*\.json"):
        read_engine(engine)


@pytest.mark.parametrize(
    "name", ["product", "version", "system", "compute_capability", "options", "onnx_sha256"]
)
def test_every_part_of_a_key_counts(name: str) -> None:
    other = replace(KEY, **{name: {} if name == "options" else ANY})  # type: ignore[arg-type]
    assert f"it was built for {name} " in str(KEY.difference(other))
    assert (other.difference(KEY) is None) is (name == "compute_capability")
    with pytest.raises(FrozenInstanceError):
        KEY.version = "1"  # type: ignore[misc]


def test_this_machine_has_a_name() -> None:
    assert system() == f"{platform.system()} {platform.machine()}"


def test_an_engine_begins_with_its_makers_mark() -> None:
    assert product_of(b"vtrt" + bytes(20) + bytes((1, 7, 1, 116)) + b"x", "x") == ("tensorrt-rtx", "1.7.1.116")
    assert product_of(PLAN[:29], "x") == ("tensorrt", "10.3.0.26")
