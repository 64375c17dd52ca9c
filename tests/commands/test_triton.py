"""`edgeseg triton` and `edgeseg run --server`, as people type them: one sentence and exit code 2 for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec

pytest.importorskip("tritonclient.grpc", reason="serving needs edgeseg[triton]")


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> str:
    return str(make_bundle(tmp_path / "tiny", spec).folder)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))
    return str(path)


@pytest.fixture
def edgeseg(command_line: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """`edgeseg(...)`: exit code, and what was printed; complaints on one line, however they were wrapped."""

    def run(*words: str) -> tuple[int, str, str]:
        code, said, complaint = command_line(*words)
        return code, said, " ".join(complaint.split())

    return run


def test_the_models_are_named(edgeseg: Callable[..., tuple[int, str, str]], bundle: str, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    code, said, complaint = edgeseg("triton", bundle, "--out", str(out))
    assert (code, " ".join(said.split()), complaint) == (0, f"{out}: models tiny, tiny-network", "")
    assert (out / "tiny/config.pbtxt").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--instances", "0"), "got 0 instances, expected 1 to 256"),
        (("--model-version", "0"), "got version 0, expected 1 to 2147483647"),
        (("--engine", "onyx"), "no engine 'onyx'"),
        (("--precision", "int8"), "has no artifact for onnxruntime int8"),
        (("--plan", "none.engine"), "cannot read none.engine"),
    ],
)
def test_what_cannot_be_served(
    edgeseg: Callable[..., tuple[int, str, str]], bundle: str, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    code, said, complaint = edgeseg("triton", bundle, "--out", str(tmp_path / "repository"), *words)
    assert (code, said) == (2, "")
    assert sentence in complaint
    assert "Traceback" not in complaint
    assert not (tmp_path / "repository").exists()


def test_a_file_in_the_way(edgeseg: Callable[..., tuple[int, str, str]], bundle: str, tmp_path: Path) -> None:
    (tmp_path / "repository").write_text("mine")
    code, _, complaint = edgeseg("triton", bundle, "--out", str(tmp_path / "repository"))
    assert code == 2
    assert "a file of that name is there" in complaint
    assert (tmp_path / "repository").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--engine", "triton"), "--engine triton needs the server's address; give --server HOST:PORT"),
        (("--jpeg", "90"), "--jpeg is for frames that are sent to a --server"),
        (("--server-wait", "5"), "--server-wait is for frames that are sent to a --server"),
        (("--server", "http://gpu:8001"), "is no address of a server, expected HOST:PORT"),
        (("--server", "gpu:8001,"), "'' is no address of a server"),
        (("--server", "127.0.0.1:1"), "server 127.0.0.1:1 cannot be reached (Connection refused)"),
        (("--server", "127.0.0.1:1", "--engine", "openvino"), "got --server and --engine openvino, which says how"),
        (("--server", "127.0.0.1:1", "--threads", "1"), "got --server and --threads, which says"),
        (("--server", "127.0.0.1:1", "--jpeg", "0"), "got JPEG quality 0, expected 1 to 100"),
        (("--server", "127.0.0.1:1", "--server-wait", "0"), "the wait for the servers is 0"),
    ],
)
def test_what_cannot_be_asked(
    edgeseg: Callable[..., tuple[int, str, str]],
    bundle: str,
    picture: str,
    tmp_path: Path,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    code, said, complaint = edgeseg("run", picture, "--bundle", bundle, "--masks", str(tmp_path / "masks"), *words)
    assert (code, said) == (2, "")
    assert sentence in complaint
    assert not (tmp_path / "masks").exists()
