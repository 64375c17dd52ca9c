from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.engines.tensorrt.sidecar import ANY, Key, product_of, read_engine, same_version, sidecar_of, write_engine
from edgeseg.errors import EngineError

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
