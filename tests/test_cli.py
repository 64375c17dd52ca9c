"""The command line as a user meets it: what it prints, its exit codes, and that bad input costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.auto import Timing
from edgeseg.bundle import Bundle
from edgeseg.cli import app
from edgeseg.spec import Spec

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(command_line: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run(*arguments)`: exit code, stdout and stderr of a command, in this process."""
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path.with_name(f"{tmp_path.name}-cache")))
    monkeypatch.setattr("edgeseg.auto.SECONDS", 0.05)
    return command_line


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Path:
    return make_bundle(tmp_path / "bundle", spec).folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8))
    return path


def labelled(folder: Path, spec: Spec) -> Path:
    """A data set of one image."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    cv2.imwrite(str(folder / "images/0.png"), np.full((18, 30, 3), 200, np.uint8))
    cv2.imwrite(str(folder / "masks/0.png"), np.zeros((18, 30), np.uint8))
    classes = [{"name": name, "colour": colour} for name, colour in zip(spec.classes, spec.palette, strict=True)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return folder


def decoded(path: Path) -> NDArray[Any]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return picture


def test_version_loads_the_native_module() -> None:
    result = subprocess.run([sys.executable, "-m", "edgeseg", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("edgeseg 0.")
    assert "kernels for" in result.stdout


def test_a_terminal_without_utf8_gets_escapes(bundle: Path) -> None:
    command = [sys.executable, "-m", "edgeseg", "inspect", str(bundle)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\\u25a0" in result.stdout  # the block in a class's colour


def test_a_deleted_working_directory_is_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, err = run("run", "street.mp4", "--out", "a.mp4")
    assert code == 2
    assert err.startswith("error: the working directory was deleted; change into")


def test_run_json_is_one_object_alone(run: Run, bundle: Path, picture: Path) -> None:
    code, out, _ = run("run", picture, "--bundle", bundle, "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["frames"], report["dropped"]) == (1, 0)
    assert report["fps"] > 0
    assert {"capture", "prepare", "infer", "kernel"} <= report["stages"].keys()


def test_run_writes_what_was_asked_for(run: Run, bundle: Path, picture: Path, tmp_path: Path) -> None:
    overlay, masks = tmp_path / "overlay.png", tmp_path / "masks"
    code, out, _ = run("run", picture, "--bundle", bundle, "--out", overlay, "--masks", masks)
    assert code == 0
    assert "capture to mask" in out
    assert decoded(overlay).shape == (20, 40, 3)
    (mask,) = masks.iterdir()
    assert decoded(mask).shape == (20, 40)


@pytest.mark.parametrize(
    "mistake", [("nothing.mp4",), ("{picture}", "--out", "nowhere/a.png"), ("{picture}", "--alpha", "2")]
)
def test_mistakes_are_found_before_anything_is_measured(
    mistake: tuple[str, ...], run: Run, bundle: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_engine(*_: object) -> None:
        raise AssertionError("an engine was opened")

    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name)
    monkeypatch.setattr("edgeseg.candidate.open_engine", open_engine)
    code, _, err = run("run", *(part.format(picture=picture) for part in mistake), "--bundle", bundle)
    assert code == 2
    assert err.count("error:") == 1


def test_auto_says_what_it_took_and_why(
    run: Run, bundle: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.candidate.find_spec", lambda name: name)
    monkeypatch.setattr(
        "edgeseg.auto._measure", lambda _, candidates, __: ([*map(Timing, candidates, (3.0, 9.0))], [])
    )
    for engine in ((), ("--engine", "auto")):
        code, out, err = run("run", picture, "--bundle", bundle, "--json", *engine)
        assert code == 0
        assert json.loads(out)["frames"] == 1
        assert "engine auto: onnxruntime fp32, ms a frame here: onnxruntime fp32 3.0, openvino fp32 9.0" in err
        assert ("measuring" in err) is (not engine)  # once
    code, out, err = run("run", picture, "--bundle", bundle, "--json", "--engine", "onnxruntime")
    assert err == ""


def test_what_is_recorded_belongs_to_what_ran(
    run: Run, bundle: Path, tmp_path: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without VNNI fp32 runs in place of int8, though int8 is listed first."""
    index = bundle / "bundle.json"
    data = json.loads(index.read_text())
    data["artifacts"].insert(0, {**data["artifacts"][0], "file": "tiny.int8.onnx", "precision": "int8"})
    (bundle / "tiny.int8.onnx").write_bytes((bundle / data["artifacts"][1]["file"]).read_bytes())
    index.write_text(json.dumps(data))
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)
    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)  # put back afterwards
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, err = run("eval", labelled(tmp_path / "data", spec), "--bundle", bundle, "--json", "--record")
    assert code == 0
    assert "VNNI" in err
    recorded = ["evaluation" in each["measured"] for each in json.loads(index.read_text())["artifacts"]]
    assert recorded == [False, True]


def test_our_warnings_are_one_sentence(
    run: Run, bundle: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = bundle / "bundle.json"
    index.write_text(index.read_text().replace('"precision": "fp32"', '"precision": "int8"'))
    monkeypatch.setattr("edgeseg.candidate.sums_int8_exactly", lambda: False)
    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)  # put back afterwards
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, err = run(
            *("run", picture, "--bundle", bundle, "--masks", tmp_path / "masks"),
            *("--engine", "onnxruntime", "--precision", "int8"),
        )
    assert code == 0
    assert [line.partition(":")[0] for line in err.splitlines()] == ["warning"]


def test_eval_and_inspect(run: Run, bundle: Path, tmp_path: Path, spec: Spec) -> None:
    code, out, _ = run("eval", labelled(tmp_path / "data", spec), "--bundle", bundle, "--json", "--record")
    figures = json.loads(out)
    assert code == 0
    assert 0 <= figures["miou"] <= 100
    assert figures["iou"].keys() == set(spec.classes)
    code, out, _ = run("inspect", bundle, "--json")
    assert code == 0
    assert json.loads(out)["artifacts"][0]["measured"]["evaluation"]["miou"] == figures["miou"]


BAD = {
    "no such command": ("rnu", "street.mp4"),
    "no such option": ("run", "street.mp4", "--bundel", "road"),
    "no such mode": ("run", "street.mp4", "--mode", "fast"),
    "missing video": ("run", "missing.mp4", "--bundle", "{bundle}"),
    "empty video": ("run", "empty.mp4", "--bundle", "{bundle}"),
    "not a video": ("run", "text.mp4", "--bundle", "{bundle}"),
    "no camera": ("run", "63", "--bundle", "{bundle}"),
    "url that refuses": ("run", "http://127.0.0.1:9/x.mp4", "--bundle", "{bundle}", "--timeout", "2"),
    "gstreamer": ("run", "videotestsrc ! appsink", "--bundle", "{bundle}"),
    "unwritable output": ("run", "{picture}", "--bundle", "{bundle}", "--out", "nowhere/out.png"),
    "output of another kind": ("run", "{picture}", "--bundle", "{bundle}", "--out", "out.gif"),
    "unknown bundle": ("run", "{picture}", "--bundle", "raod"),
    "bundle that is none": ("inspect", "."),
    "data set that is none": ("eval", "nowhere", "--bundle", "{bundle}", "--split", "val"),
    "no network": ("train", "--data", "nowhere", "--out", "out"),
    "unknown network": ("train", "fcn", "--data", "nowhere", "--out", "out"),
    "impossible setting": ("train", "unet", "--data", "nowhere", "--out", "out", "--epochs", "0"),
    "no weights": ("export", "nowhere.safetensors", "--out", "out"),
    "no size": ("export", "nowhere.safetensors", "--out", "out", "--size", "large"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    what: str, run: Run, bundle: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("not a video")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*(part.format(bundle=bundle, picture=picture) for part in BAD[what]))
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert err.count("error:") + err.count("Error") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words", [("run", "-"), ("run", "-", "--json"), ("eval", "-", "--bundle", "road")])
def test_a_lone_dash_is_told_what_is_read(words: tuple[str, ...], run: Run) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.startswith('error: "-" is no name: neither standard input nor a pipe is read. Write into a file')
    assert err.endswith(f"See edgeseg {words[0]} --help.\n")


LIGHT = """
import sys
sys.modules.update(dict.fromkeys(["torch", "onnx", "onnxscript", "safetensors", "matplotlib"]))  # None: not there
from edgeseg.cli import app, main
main()
"""


def light(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command where only the runtime is installed."""
    return subprocess.run([sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [(), *((name,) for name in sorted(app) if not name.startswith("-"))])
def test_help_needs_no_extra(command: tuple[str, ...]) -> None:
    result = light(*command, "--help")
    assert result.returncode == 0, result.stderr
    assert "Usage: edgeseg" in result.stdout


@pytest.mark.parametrize("name", sorted(name for name in app if not name.startswith("-")))
def test_the_first_line_of_a_command_fits_into_the_list(name: str) -> None:
    (line, *_) = (app[name].help or "").splitlines()
    assert 0 < len(line) <= 62  # one line of `edgeseg --help` in 80 columns


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("train unet --data x --out y", "train"),
        ("export package.module:factory --out y", "export"),
        ("import x.onnx --spec x.json --out y", "onnx"),
    ],
)
def test_a_missing_extra_is_named(line: str, extra: str) -> None:
    result = light(*line.split())
    assert result.returncode == 2
    assert f"edgeseg[{extra}]" in result.stderr
    assert "Traceback" not in result.stderr
