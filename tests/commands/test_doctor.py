from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeseg.commands import doctor
from edgeseg.commands.doctor import Finding, doctor_command, examine


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /dev, /proc and /sys."""
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def named(topic: str, what: str) -> Finding:
    return next(each for each in examine()[topic] if each.what == what)


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_command(json=True) == 0
    topics = json.loads(capsys.readouterr().out)
    assert set(topics) == {"edgeseg", "processor", "runtimes", "NVIDIA", "cameras", "video"}
    assert all(set(each) == {"what", "found", "get"} for findings in topics.values() for each in findings)
    assert any(each["what"] == "bundle road" and "onnxruntime fp32" in each["found"] for each in topics["edgeseg"])


def test_the_table_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_command() == 0
    text = capsys.readouterr().out
    for what in ("kernels", "onnxruntime", "openvino", "tensorrt", "camera", "GStreamer", "PyAV", "cache"):
        assert what in text


def test_what_is_absent_says_how_to_get_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(root.iterdir())
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    monkeypatch.setattr(doctor, "sums_int8_exactly", lambda: False)
    monkeypatch.setattr("cv2.getBuildInformation", lambda: "GUI: NONE\nFFMPEG: NO\nGStreamer: NO\n")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "edgeseg.ort", raising=False)
    topics = examine()
    absent = {each.what for findings in topics.values() for each in findings if each.found is None}
    assert absent == {
        *("extra train", "extra onnx", "extra export", "extra coco", "extra sign", "extra update"),
        *("extra batch", "extra ray", "extra web", "extra mqtt", "extra triton"),
        *("exact INT8 sums", "driver", "cards", "camera", "display", "PyAV"),
        *("onnxruntime", "openvino", "tensorrt", "tensorrt_rtx", "pycuda"),
        *("GStreamer", "OpenCV, windows"),
    }
    silent = {each.what for findings in topics.values() for each in findings if each.found is None and each.get is None}
    assert silent == {"cards"}  # its driver says it
    told = {each.what: each.get or "" for findings in topics.values() for each in findings}
    for what, extra in (("tensorrt", "tensorrt"), ("GStreamer", "gstreamer")):
        assert f"pip install 'edgeseg[{extra}]'" in told[what]
    assert "with it" not in told["tensorrt"]  # on x86-64 the extra brings it


def test_cameras_have_names_and_reasons(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name, index in ((0, "Street camera", 0), (1, "Street camera", 1), (2, "Locked", 0), (10, "Gone", 0)):
        write(root / f"sys/class/video4linux/video{number}/name", f"{name}\n")
        write(root / f"sys/class/video4linux/video{number}/index", f"{index}\n")
        if name != "Gone":
            write(root / f"dev/video{number}", "")
    monkeypatch.setattr(os, "access", lambda path, _: path.name != "video2")
    one, beside, locked, gone = examine()["cameras"]
    assert one == Finding("/dev/video0", "Street camera")
    assert beside.found is not None
    assert "metadata" in beside.found
    assert "usermod" in str(locked.get)
    assert gone.what == "/dev/video10"
    assert "--device" in str(gone.get)


def test_nvidia_is_read_from_the_driver(root: Path) -> None:
    line = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Sep 23 10:11:16 UTC 2025\n"
    write(root / "proc/driver/nvidia/version", line)
    write(root / "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX A2000\nIRQ: 5\n")
    assert named("NVIDIA", "driver") == Finding("driver", "580.95.05")
    assert named("NVIDIA", "cards").found == "NVIDIA RTX A2000"


def test_a_damaged_bundle_and_cache_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "bundles/broken/bundle.json", "{")
    monkeypatch.setattr("edgeseg.bundle_index.SHIPPED", tmp_path / "bundles")
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "cache/x.openvino", "x" * 2_000_000)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "not readable JSON" in str(named("edgeseg", "bundle broken").get)
    cache = named("edgeseg", "cache")
    assert str(cache.found).endswith("cache: 1 file, 2.0 MB")
    assert "EDGESEG_CACHE" in str(cache.get)


QUIET = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("socket.") else None)
from edgeseg.commands.doctor import examine
examine()
print(seen, sorted({"torch", "onnx", "openvino", "tensorrt", "tensorrt_rtx", "pycuda"} & set(sys.modules)))
"""


def test_no_connection_is_opened_and_nothing_heavy_imported() -> None:
    result = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True)
    assert result.stdout == "[] []\n"


def test_a_cache_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of another user, whose files no test run by root is kept from."""
    closed, real_stat = tmp_path / "closed", os.stat
    closed.mkdir()
    monkeypatch.setenv("EDGESEG_CACHE", str(closed / "cache"))

    def refuse(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if isinstance(path, (str, Path)) and Path(path).parent == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real_stat(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        patch.setattr(os, "access", lambda path, _: path != closed)
        cache = named("edgeseg", "cache")
    assert cache.found == f"{closed / 'cache'}: 0 files, 0.0 MB"
    assert cache.get == f"{closed} cannot be written; set EDGESEG_CACHE to a folder that can"
