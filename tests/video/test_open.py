"""Every kind of source, and everything that can be wrong with one."""

from __future__ import annotations

import itertools
import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import FrameError, SourceError, UsageError
from edgeseg.video.images import natural_key
from edgeseg.video.open import is_live, open_source
from edgeseg.video.outputs import check_outputs

MakeVideo = Callable[..., Path]
ROAD = Path(__file__).resolve().parents[3] / "shared" / "video" / "road540.mp4"


@pytest.mark.parametrize("extension", ["mp4", "mkv", "avi", "ts", "h264"])
def test_every_frame_of_a_video(tmp_path: Path, make_video: MakeVideo, extension: str) -> None:
    """AVI gives its last frames no timestamps, raw H.264 gives none at all: time still goes on evenly."""
    with open_source(make_video(tmp_path / f"a.{extension}")) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(20))
    assert source.fps == 25
    assert (source.width, source.height, source.live, source.still) == (64, 48, False, False)
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04)
    assert [round(frame.image.mean() / 10) for frame in frames] == list(range(20))
    assert not source.warnings
    assert next(source, None) is None


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(30), Fraction(12)])
def test_rate_is_a_fraction(tmp_path: Path, make_video: MakeVideo, rate: Fraction) -> None:
    with open_source(make_video(tmp_path / "a.mp4", rate=rate)) as source:
        assert source.fps == rate


def test_capture_time_of_a_file_is_when_reading_begins(tmp_path: Path, make_video: MakeVideo) -> None:
    with open_source(make_video(tmp_path / "a.mp4")) as source:
        asked = time.perf_counter()
        first, second = next(source), next(source)
    assert first.captured + first.seconds >= asked
    assert second.captured > first.captured


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_name_is_no_folder(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="the source has an empty name"):
        open_source(source)


@pytest.mark.parametrize("source", [None, 1.5, cv2.VideoCapture()])
def test_what_is_no_source_is_named(source: Any) -> None:
    with pytest.raises(SourceError, match=f"got a {type(source).__name__} as source, expected a path"):
        open_source(source)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4 does not exist"):
        open_source(tmp_path / "none.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match="is empty"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("content", [b"no video\n" * 100, bytes(range(256)) * 100], ids=["text", "binary"])
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a"])
def test_file_that_is_no_video(tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match="is no video"):
        open_source(str(tmp_path / name))
    assert capfd.readouterr() == ("", "")


def test_sound_without_pictures(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="holds sound, but no video"):
        open_source(tmp_path / "a.mp4")


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(SourceError, match=r"cannot read x.*check the path"):
        open_source("x" * 5000)


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the system's answer is made up."""

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.mp4").write_bytes(b"secret")
    monkeypatch.setattr(Path, "open", deny)
    monkeypatch.setattr(Path, "iterdir", deny)
    for path in (tmp_path / "a.mp4", tmp_path):
        with pytest.raises(SourceError, match="Permission denied"):
            open_source(path)


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match="regular file"):
        open_source(tmp_path / "a.mp4")


def test_no_frame_decodes(tmp_path: Path, make_video: MakeVideo) -> None:
    """The index of the file is whole, its pictures are not."""
    path = make_video(tmp_path / "a.mp4", size=(320, 240))
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov")
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="gave no frame"):
        open_source(path)


def _road() -> bytes:
    if not ROAD.exists():
        pytest.skip(f"no {ROAD}")
    return ROAD.read_bytes()


def test_cut_off_video_keeps_what_is_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = _road()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with open_source(tmp_path / "cut.mp4") as source:
        assert 50 < len(list(source)) < 150
    assert source.ended_early
    assert len(source.warnings) == 1
    assert "of its 8.8 s" in source.warnings[0]
    assert capfd.readouterr() == ("", "")


def test_damaged_stretch_is_passed_over_and_said(tmp_path: Path) -> None:
    data = bytearray(_road())
    data[1_000_000:1_100_000] = np.random.default_rng(0).bytes(100_000)
    (tmp_path / "damaged.mp4").write_bytes(data)
    with open_source(tmp_path / "damaged.mp4") as source:
        frames = list(source)
    assert 150 < len(frames) < 221
    assert frames[-1].timestamp == pytest.approx(8.8)
    assert source.ended_early
    assert "is damaged or ends early" in source.warnings[0]
    assert all("is damaged" in warning for warning in source.warnings)


def test_whole_video_has_no_warning() -> None:
    _road()
    with open_source(ROAD) as source:
        assert len(list(source)) == source.frame_count == 221
    assert not source.warnings
    assert not source.ended_early


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        cv2.imwrite(str(tmp_path / f"f{number}.png"), np.full((4, 5, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [frame.name for frame in frames] == ["f1", "f9", "f10"]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 9, 10]
    assert source.frame_count == 3
    assert not source.still


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2000), st.integers(0, 3))))
def test_numbers_in_names_sort_by_value(names: list[tuple[str, int, int]]) -> None:
    paths = [Path(f"{letter}{number}-{part}.png") for letter, number, part in names]
    ordered = [Path(f"{letter}{number}-{part}.png") for letter, number, part in sorted(names)]
    assert sorted(paths, key=natural_key) == ordered


def test_images_of_one_stem_keep_their_names_apart(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 5, 3), np.uint8))
    assert {frame.name for frame in open_source(tmp_path)} == {"a.png", "a.jpg"}


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4)], ids=["grey", "alpha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_images_become_bgr(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full(shape, np.iinfo(dtype).max, dtype))
    with open_source(tmp_path / "a.png") as source:
        (frame,) = source
    assert source.still
    assert frame.image.shape == (4, 5, 3)
    assert frame.image.dtype == np.uint8
    assert (frame.image == 255).all()


def test_unused_bits_are_said_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((4, 5, 3), 4000, np.uint16))
    with open_source(tmp_path) as source:
        assert all((frame.image == 4000 >> 4).all() for frame in source)
    assert source.warnings == [
        f"{tmp_path / 'a.png'}: 12 of 16 bits are used, by the brightest value; they were taken for the range"
    ]


def test_a_dark_picture_of_a_series_is_read_as_its_neighbours(tmp_path: Path) -> None:
    """Alone it would look like 10 bits, and come out four times as bright."""
    for name, level in (("a.png", 4000), ("b.png", 1000), ("c.png", 4000)):
        cv2.imwrite(str(tmp_path / name), np.full((4, 5, 3), level, np.uint16))
    with open_source(tmp_path) as source:
        assert [int(frame.image.max()) for frame in source] == [250, 62, 250]
    assert [warning.partition(" of 16 bits")[0] for warning in source.warnings] == [f"{tmp_path / 'a.png'}: 12"]


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


def test_a_picture_by_any_of_its_extensions(tmp_path: Path) -> None:
    for number, extension in enumerate((".jpg", ".JPEG", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff")):
        form = {".jpe": ".jpg", ".jfif": ".jpg", ".dib": ".bmp"}.get(extension, extension)
        _, content = cv2.imencode(form, np.full((4, 6, 3), number, np.uint8))
        path = tmp_path / f"{number}{extension}"
        path.write_bytes(content.tobytes())
        with open_source(path) as source:
            assert source.still
    with open_source(tmp_path) as source:
        assert [frame.name for frame in source] == [str(number) for number in range(8)]


def test_what_a_folder_holds_and_is_not_read_is_said(tmp_path: Path) -> None:
    others = ("b.avif", "c.AVIF", "d.heic", "e.pbm", "f.NEF")
    for name in ("a.png", *others, "notes.txt", ".hidden.gif", "bonn/1.png", "empty/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"?")
        if path.suffix == ".png":
            cv2.imwrite(str(path), np.zeros((4, 6, 3), np.uint8))
    for number in range(7):
        (tmp_path / f"city{number}" / "day").mkdir(parents=True)
        cv2.imwrite(f"{tmp_path}/city{number}/day/1.jpg", np.zeros((4, 6, 3), np.uint8))
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
    assert source.warnings == [
        f"{tmp_path} holds folders with images, which are not read: bonn, city0, city1, city2, city3 and 3 more; "
        "run each by its path",
        f"{tmp_path} holds pictures of other kinds, which are not read: 2 .avif, 1 .heic, 1 .nef, 1 .pbm; "
        "convert them",
    ]


def test_folder_of_folders_says_so(tmp_path: Path) -> None:
    (tmp_path / "bonn").mkdir()
    cv2.imwrite(f"{tmp_path}/bonn/1.png", np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(SourceError, match=r"holds no image.* holds folders with images, which are not read: bonn"):
        open_source(tmp_path)


def test_folders_below_are_not_looked_through_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `edgeseg run /` would the whole disk."""
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(Path, "rglob", lambda self, _: itertools.repeat(self / "notes.txt"))
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path)


def test_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path)


def test_broken_image_in_a_folder(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "2.png").write_bytes(b"not a PNG")
    source = open_source(tmp_path)
    next(source)
    with pytest.raises(SourceError, match=r"2\.png cannot be decoded"):
        next(source)


@pytest.mark.parametrize("camera", [97, "97", "/dev/video97"])
def test_camera_that_is_not_there(camera: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="camera 97 "):
        open_source(camera, timeout=1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_silent_server_is_a_time_out(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It accepts the connection and never says a word."""
    silent = pytest.raises(SourceError, match=r"\*\*\*@.* did not answer within 0\.5 s")
    with socket.create_server(("127.0.0.1", 0)) as server, silent as caught:
        open_source(f"{scheme}://me:secret@127.0.0.1:{server.getsockname()[1]}/live", timeout=0.5)
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def _serve(server: socket.socket, data: bytes, finished: threading.Event) -> None:
    """Sends `data` to whoever comes, then is silent until the test has finished."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(data)
        finished.wait(10)


def test_live_stream_that_falls_silent(
    tmp_path: Path, make_video: MakeVideo, capfd: pytest.CaptureFixture[str], no_thread_left: None
) -> None:
    """A sender stops without a word: a time-out, and what came before is kept."""
    del no_thread_left
    data = make_video(tmp_path / "a.ts", count=200, size=(320, 240)).read_bytes()
    finished = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_serve, args=(server, data, finished))
        sender.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=1) as source:
            indices = [frame.index for frame in source]
        finished.set()
        sender.join()
    assert source.live
    assert source.frame_count is None
    assert (source.width, source.height) == (320, 240)
    assert indices == sorted(set(indices))
    assert source.ended_early
    assert len(source.warnings) == 1
    assert "the stream ended there" in source.warnings[0]
    assert capfd.readouterr() == ("", "")


def test_video_behind_http_drops_nothing(tmp_path: Path, make_video: MakeVideo) -> None:
    make_video(tmp_path / "a.mp4", count=100)
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with open_source(f"http://127.0.0.1:{server.server_port}/a.mp4", timeout=5) as source:
            indices = [frame.index for frame in source]
        server.shutdown()
        thread.join()
    assert not source.live
    assert indices == list(range(100))
    assert not source.warnings


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize("timeout", [0, -1, 1e9, float("inf"), float("nan")])
def test_timeout_out_of_range(timeout: float) -> None:
    with pytest.raises(UsageError, match="timeout is"):
        open_source("a.mp4", timeout=timeout)


def test_closed_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="refused the connection"):
        open_source(f"rtsp://127.0.0.1:{port}/live", timeout=60)


def test_arrays() -> None:
    with open_source(np.full((4, 5, 3), level, np.uint8) for level in range(3)) as source:
        assert (source.width, source.height, source.frame_count) == (5, 4, None)
        assert [(frame.index, frame.image[0, 0, 0], frame.timestamp) for frame in source] == [
            (0, 0, 0.0), (1, 1, 0.04), (2, 2, 0.08)
        ]  # fmt: skip


@pytest.mark.parametrize("image", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3), np.float32), "frame"])
def test_arrays_that_are_no_frames(image: object) -> None:
    with pytest.raises(FrameError, match=r"frame 0 is .*, expected a uint8 array"):
        open_source([image])  # type: ignore[list-item]


def test_no_arrays() -> None:
    with pytest.raises(SourceError, match="gave no frame"):
        open_source([])


def test_numbers_that_are_not_there_are_said(tmp_path: Path) -> None:
    for number in (7, 8, 10, 14):
        cv2.imwrite(str(tmp_path / f"a{number:03}b.png"), np.zeros((2, 2, 3), np.uint8))
    source = open_source(tmp_path / "a%03db.png")
    assert len(list(source)) == 4
    (warning,) = source.warnings
    assert warning.endswith("4 numbers between 7 and 14 are not there: 9, 11 to 13")
    (tmp_path / "a014b.png").unlink()
    (tmp_path / "a010b.png").unlink()
    assert open_source(tmp_path / "a%03db.png").warnings == []
