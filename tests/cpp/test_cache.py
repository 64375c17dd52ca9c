"""The cache folder as libedgeseg uses it: files that C++ and Python exchange, and models of OpenVINO."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeseg.artifact import SHIPPED
from edgeseg.cache import KEY, keep, recall
from tests.cpp.library import Bytes, Library, LibraryError

NANO = SHIPPED / "road-nano"
NAME = "road.int8.0123456789abcdef.openvino"
CONTENT = bytes(range(256)) * 5

Ask = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "deep/cache"))
    return tmp_path / "deep/cache"


@pytest.fixture
def ask(built: Path, folder: Path) -> Ask:  # noqa: ARG001  the folder is set in the environment
    """`ask(verb, content)`: C++ keeps or recalls NAME."""
    program = built / "edgeseg_cache_tests"
    if not program.exists():
        pytest.skip("libedgeseg is left out")

    def run(verb: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([str(program), verb, NAME], input=content, capture_output=True, timeout=30)

    return run


def test_python_recalls_what_cpp_keeps(ask: Ask, folder: Path) -> None:
    assert ask("keep", CONTENT).returncode == 0
    assert recall(folder / NAME) == CONTENT
    assert {path.name for path in folder.iterdir()} == {KEY, NAME}  # nothing temporary is left
    for path, mode in ((folder, 0o700), (folder / KEY, 0o600), (folder / NAME, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_cpp_recalls_what_python_keeps(ask: Ask, folder: Path) -> None:
    keep(folder / NAME, CONTENT)
    assert ask("recall").stdout == CONTENT
    key = (folder / KEY).read_bytes()
    ask("keep", CONTENT + b"!")
    assert (folder / KEY).read_bytes() == key
    assert ask("recall").stdout == CONTENT + b"!"


def altered(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def renamed(file: Path) -> None:
    shutil.copy(file, file.with_name("other"))
    keep(file, b"another")
    file.with_name("other").replace(file)
    altered(file)


@pytest.mark.parametrize(
    "harm",
    [
        altered,
        renamed,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"0" * 64),
        lambda file: file.write_bytes(b"0" * 64 + b"\n" + CONTENT),
        lambda file: (file.parent / KEY).unlink(),
        lambda file: (file.parent / KEY).write_bytes(bytes(33)),
        lambda file: (file.parent / KEY).chmod(0o640),
    ],
)
def test_what_does_not_verify_is_deleted(ask: Ask, folder: Path, harm: Callable[[Path], object]) -> None:
    keep(folder / NAME, CONTENT)
    harm(folder / NAME)
    answer = ask("recall")
    assert (answer.returncode, answer.stdout) == (1, b"")
    assert not (folder / NAME).exists()


def test_others_lose_the_right_to_write(ask: Ask, folder: Path) -> None:
    keep(folder / NAME, CONTENT)
    folder.chmod(0o777)
    assert ask("recall").stdout == CONTENT
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("place", ["/dev/null", "/proc/nothing", "/dev/null/below"])
def test_where_nothing_can_be_written_nothing_is_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("EDGESEG_CACHE", place)
    assert ask("keep", CONTENT).returncode == 0
    assert ask("recall").returncode == 1


@pytest.fixture
def openvino(library: Library) -> Library:
    if "openvino" not in library.engines():
        pytest.skip("libedgeseg was built without openvino")
    return library


def mask(library: Library, bundle: Path, street: Bytes, threads: int = 1) -> Bytes:
    with_engine = library.segmenter(bundle, "openvino", "int8", threads)
    result = with_engine(street)
    with_engine.close()
    return result


def models(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.openvino"))


def test_a_kept_model_gives_the_same_mask(openvino: Library, street: Bytes, folder: Path) -> None:
    first = mask(openvino, NANO, street)
    (model,) = models(folder)
    before = model.stat()
    assert np.array_equal(mask(openvino, NANO, street), first)
    assert os.path.samestat(model.stat(), before)  # it was read, not made again
    mask(openvino, NANO, street, threads=2)
    assert len(models(folder)) == 2


@pytest.mark.parametrize("content", [b"\0garbage", b"\0", b"no zero"])
def test_what_openvino_refuses_is_made_again(openvino: Library, street: Bytes, folder: Path, content: bytes) -> None:
    first = mask(openvino, NANO, street)
    (model,) = models(folder)
    keep(model, content)
    assert np.array_equal(mask(openvino, NANO, street), first)
    made = recall(model)
    assert made is not None
    assert len(made) > 100_000


def test_a_kept_model_is_not_another_specs(openvino: Library, street: Bytes, folder: Path, tmp_path: Path) -> None:
    mask(openvino, NANO, street)
    assert models(folder)
    other = shutil.copytree(NANO, tmp_path / "other")
    text = (other / "bundle.json").read_text()
    assert text.count('"resize": "letterbox"') == 1
    (other / "bundle.json").write_text(text.replace('"resize": "letterbox"', '"resize": "stretch"'))
    with pytest.raises(LibraryError, match="spec"):
        mask(openvino, other, street)
