"""`edgeseg bench` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg_bench import suite
from edgeseg_bench.result import to_text

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(command_line: Run) -> Run:
    """`run(*arguments)`: exit code, stdout and stderr of `edgeseg bench`, in this process."""
    return partial(command_line, "bench")


@pytest.fixture
def measured_file(measured: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "old.json"
    path.write_text(to_text(measured))
    return path


def test_table_json_and_page(
    run: Run, tiny: Bundle, video: Path, measured: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "measure", lambda *_, **__: measured)  # measured for real in test_suite.py
    json_file, page = tmp_path / "result.json", tmp_path / "result.html"
    code, out, _ = run(tiny.folder, "--source", video, "--json", json_file, "--html", page)
    assert code == 0
    assert "engine alone" in out
    assert json.loads(json_file.read_text())["format"] == suite.FORMAT
    assert page.read_text().startswith("<!doctype html>")


def test_the_gate_passes_and_closes(run: Run, measured: dict[str, Any], measured_file: Path, tmp_path: Path) -> None:
    code, out, _ = run("compare", measured_file, measured_file, "--max-slowdown", "900")
    assert code == 0
    assert "ok" in out
    for window in measured["runs"][0]["measured"]["engine"]["windows"]:
        assert window["ms"]
    slow = json.loads(measured_file.read_text())
    for window in slow["runs"][0]["measured"]["engine"]["windows"]:
        window["ms"] = [1e6 + ms for ms in window["ms"]]
    (tmp_path / "new.json").write_text(json.dumps(slow))
    code, out, _ = run("compare", measured_file, tmp_path / "new.json", "--max-slowdown", "900")
    assert code == 1
    assert "slower" in out


BAD = {
    "unknown engine": (("{bundle}", "--source", "{video}", "--engine", "nope"), "no engine 'nope'"),
    "no video": (("{bundle}", "--source", "missing.mp4"), "does not exist"),
    "a picture": (("{bundle}", "--source", "picture.png"), "no video file"),
    "a video of one frame": (("{bundle}", "--source", "one.mp4"), "has one frame"),
    "a video without frames": (("{bundle}", "--source", "none.mp4"), "no video that can be decoded"),
    "a place that takes no files": (("{bundle}", "--source", "{video}", "--json", "/proc/x.json"), "cannot write"),
    "no folder for the report": (("{bundle}", "--source", "{video}", "--html", "nowhere/x.html"), "cannot write"),
    "one file for both": (
        ("{bundle}", "--source", "{video}", "--json", "x", "--html", "./x"),
        "x is named for two outputs, of which the second would replace the first",
    ),
    "a device": (("{bundle}", "--source", "{video}", "--json", "/dev/null"), "cannot write /dev/null: it is a device"),
    "a folder as report": (("{bundle}", "--source", "{video}", "--json", "."), "it is a folder"),
    "no such data": (("{bundle}", "--source", "{video}", "--data", "nowhere"), "nowhere"),
    "too few frames": (("{bundle}", "--source", "{video}", "--frames", "1"), "frames is 1"),
    "compare with nothing": (("compare", "{old}", "missing.json"), "cannot read missing.json"),
    "compare with no JSON": (("compare", "{old}", "text.json"), "not readable JSON"),
    "compare with another JSON": (("compare", "{old}", "other.json"), "expected a result of"),
    "another format": (("compare", "{old}", "future.json"), "format 2, expected 1"),
    "a negative limit": (("compare", "{old}", "{old}", "--max-slowdown", "-1"), "max-slowdown is -1"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence(
    what: str,
    run: Run,
    tiny: Bundle,
    video: Path,
    measured: dict[str, Any],
    measured_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2
    import numpy as np

    monkeypatch.chdir(tmp_path)
    cv2.imwrite("picture.png", np.zeros((8, 8, 3), np.uint8))
    for name, frames in (("one.mp4", 1), ("none.mp4", 0)):
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), 25, (256, 64))
        for _ in range(frames):
            writer.write(np.zeros((64, 256, 3), np.uint8))
        writer.release()
    Path("text.json").write_text("{")
    Path("other.json").write_text('{"what": "a sonata", "format": 1}')
    Path("future.json").write_text(to_text({**measured, "format": 2}))
    before = sorted(tmp_path.rglob("*"))
    arguments, said = BAD[what]
    code, out, err = run(*(part.format(bundle=tiny.folder, video=video, old=measured_file) for part in arguments))
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert err.count("error:") == 1
    assert sorted(tmp_path.rglob("*")) == before
