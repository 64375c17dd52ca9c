"""Cameras by number, device and link."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edgeseg.errors import SourceError, UsageError
from edgeseg.video.open import is_live, open_source
from edgeseg.video.opencv import open_capture
from edgeseg.video.outputs import check_outputs

MakeVideo = Callable[..., Path]


def test_link_to_a_camera_is_a_camera(tmp_path: Path) -> None:
    link = tmp_path / "usb-Logitech_C930e-video-index0"
    link.symlink_to("/dev/video97")
    (tmp_path / "twice").symlink_to(link)
    for name in (link, str(link), tmp_path / "twice"):
        with pytest.raises(SourceError, match="camera 97 is not there"):
            open_source(name, timeout=1)


def test_a_camera_by_whatever_way_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "devices").symlink_to("/dev")
    for name in (tmp_path / "devices/video97", "//dev/video97", "/dev/../dev/video97"):
        with pytest.raises(SourceError, match="camera 97 is not there"):
            open_source(name, timeout=1)


@pytest.mark.parametrize("name", ["v4l/by-id/usb-none-video-index0", "front"])
def test_a_camera_that_is_unplugged_has_no_link_but_is_one(name: str, tmp_path: Path) -> None:
    (tmp_path / "camera").symlink_to(f"/dev/{name}")
    for each in (f"/dev/{name}", str(tmp_path / "camera")):
        assert is_live(each)
        with pytest.raises(SourceError, match=rf"camera {each} is not there: no such device; found"):
            open_source(each, timeout=1)
    assert not is_live("/dev/shm/none.mp4")


def test_a_camera_whose_device_has_another_name(tmp_path: Path) -> None:
    device = tmp_path / "front"
    try:
        os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(81, 250))
    except PermissionError:
        pytest.skip("no device can be made here")
    assert is_live(str(device))
    with pytest.raises(SourceError, match=rf"camera {device} cannot be opened"):
        open_source(device, timeout=5)


def test_a_link_to_itself_is_nothing(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not is_live(str(loop))
    with pytest.raises(SourceError, match="does not exist"):
        open_source(loop)
    check_outputs(loop, loop.with_name("out.mp4"), None)
    with pytest.raises(UsageError, match="is the source itself"):
        check_outputs(loop, loop, None)


def test_link_to_another_device_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "camera").symlink_to("/dev/null")
    with pytest.raises(SourceError, match="is a device or pipe, expected a regular file; a camera is its number"):
        open_source(tmp_path / "camera")


@pytest.mark.parametrize("camera", [97, "97", "/dev/video97"])
def test_camera_that_is_not_there(camera: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="camera 97 "):
        open_source(camera, timeout=1)
    assert capfd.readouterr() == ("", "")


def test_a_file_whose_name_is_a_number(tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "97.mp4", count=3).rename("97")
    with pytest.raises(SourceError, match=r"camera 97 is not there: .*; the file of that name is \./97"):
        open_source("97", timeout=1)
    with open_source("./97") as source:
        assert len(list(source)) == 3


@pytest.mark.parametrize("backend", [cv2.CAP_V4L2, cv2.CAP_GSTREAMER])
def test_a_name_that_is_not_utf8_is_refused_before_opencv_dies_of_it(backend: int) -> None:
    name = os.fsdecode(b"/dev/caf\xe9")
    with pytest.raises(SourceError, match="is not UTF-8, as OpenCV expects names") as refused:
        open_capture(name, backend, name=name, timeout=1)
    str(refused.value).encode()  # can be printed
